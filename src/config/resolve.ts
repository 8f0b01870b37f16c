import type { ConfigProblem, ImsvaultError } from '../errors.js';
import type { JsonObject } from '../json.js';
import { Redacted } from '../redacted.js';
import { resolvePath } from '../secret/secret-file.js';
import type { TokenIdentity } from '../token/identity.js';
import type { ConfigSource } from './config-source.js';
import { type Env, unresolvedIn } from './interpolate.js';
import { describeIssues } from './issues.js';
import { profileSchema } from './json-schema.js';
import type { ImsSettings, ResolvedProfile } from './load.js';
import { keysAt, listGiven } from './option-tree.js';
import { type BlockReader, readCredentials } from './provider-block.js';
import { rotationOptions } from './rotation-schema.js';
import { cacheOption, imsOptions, renewalOptions } from './schema.js';
import { findSecretReferences, namedSecrets, secretVariables } from './secret-variables.js';
import { findSecretsForNames, NOT_A_NAME } from './secrets.js';
import type { SelectedProfile } from './select-profile.js';
import { didYouMean, printable } from './suggest.js';
import { readTokenStore } from './token-store-block.js';
import { dotted, getAt, isObject, kindOf, mapLeaves, omit, type Path } from './tree.js';
import { findDistrusted } from './trust.js';

export interface ResolveInput {
  /** The profile with overrides in it and references replaced. */
  tree: unknown;
  /** The profile as it stands in the config. */
  raw: unknown;
  /** This and the config's other profiles, as they stand there. */
  scanned: readonly unknown[];
  env: Env;
  source: ConfigSource;
  selected: SelectedProfile;
  /** Dotted path → the flag or variable that gave the value. */
  overrides: ReadonlyMap<string, string>;
  /** Dotted paths of texts with `${…}` in them. */
  references: ReadonlySet<string>;
  /** Filled. */
  problems: ConfigProblem[];
  warnings: string[];
  notInstalled: (error: ImsvaultError) => void;
}

/** Checks a profile as a whole. @returns undefined when a part of it could not be made; `problems` then says why */
export async function resolveProfile(input: ResolveInput): Promise<ResolvedProfile | undefined> {
  const { tree, raw, env, source, selected, overrides, problems, warnings } = input;
  const schema = profileSchema();
  const sourceOf = (path: Path) => overrides.get(dotted(path)) ?? source.sourceOf([...selected.path, ...path]);
  const taken = new Set(problems.map((problem) => problem.path));
  /** The first thing said of a value stands: what follows is mostly a consequence. */
  const problem = (path: Path, message: string) => {
    if (taken.has(dotted(path))) return;
    taken.add(dotted(path));
    const origin = sourceOf(path);
    problems.push({ path: dotted(path), message, ...(origin === undefined ? {} : { source: origin }) });
  };
  const reader: BlockReader = {
    baseDir: source.baseDir,
    // A variable may name a module, but its code would come from the folder that one happens to stand in.
    mayLoad: () => !source.discovered && (source.file !== undefined || source.isCode),
    keysAt: (path) => keysAt(schema, tree, path),
    problem,
    notInstalled: input.notInstalled,
  };

  if (!isObject(tree)) {
    problem([], `a profile must be an object; it is ${kindOf(tree)}`);
    return undefined;
  }
  const parts = Object.keys(schema.properties ?? {});
  for (const key of Object.keys(omit(tree, parts))) {
    problem([printable(key, parts)], `unknown option${didYouMean(key, parts)}`);
  }
  const secretNames = namedSecrets([tree, ...input.scanned], schema, env);
  for (const { path, message } of findSecretReferences(raw, schema, secretNames)) {
    if (!overrides.has(dotted(path))) problem(path, message);
  }
  for (const { path, problem: message } of unresolvedIn(tree)) problem(path, message);
  if (source.discovered) {
    const isExplicit = (path: Path) => overrides.has(dotted(path));
    for (const found of findDistrusted({ resolved: tree, raw, env, baseDir: source.baseDir, isExplicit }))
      problem(found.path, found.message);
  }
  for (const path of findSecretsForNames(tree, schema)) problem(path, NOT_A_NAME);
  checkPairs(tree, problem);

  const ims = parse(imsOptions, tree.ims, ['ims'], reader);
  const renewal = parse(renewalOptions, tree.renewal, ['renewal'], reader);
  const rotation =
    tree.rotation === undefined ? undefined : parse(rotationOptions, tree.rotation, ['rotation'], reader);
  const cache = cacheOption.safeParse(tree.cache);
  if (!cache.success) problem(['cache'], 'must be true or false');
  const credentials =
    tree.credentials === undefined ? undefined : await readCredentials(tree.credentials, ['credentials'], reader);
  /** What the token store takes over from `credentials` stands there, and is said of there. */
  const inherited = new Map<string, Path>();
  const standsAt = (path: Path): Path => {
    const from = path[0] === 'tokenStore' ? inherited.get(String(path[1])) : undefined;
    return from === undefined ? path : [...from, ...path.slice(2)];
  };
  const tokenStore = await readTokenStore(tree, ims && identityParts(ims), inherited, {
    ...reader,
    problem: (path, message) => problem(standsAt(path), message),
  });
  if (ims === undefined || renewal === undefined || problems.length > 0) return undefined;

  const resolved = {
    ims,
    ...(credentials === undefined ? {} : { credentials: credentials.resolved }),
    ...(tokenStore === undefined ? {} : { tokenStore: tokenStore.resolved }),
    renewal,
    ...(rotation === undefined ? {} : { rotation }),
    ...(cache.data === undefined ? {} : { cache: cache.data }),
  };
  return {
    ...(selected.name === undefined ? {} : { name: selected.name }),
    ...(source.file === undefined ? {} : { configFile: source.file }),
    baseDir: source.baseDir,
    ims: imsSettings(ims, source.baseDir),
    renewal: {
      background: renewal.background,
      softFractionMin: renewal.softFractionMin,
      softFractionMax: renewal.softFractionMax,
      hardMarginMs: renewal.hardMargin,
      floorMarginMs: renewal.floorMargin,
    },
    ...(cache.data === undefined ? {} : { cache: cache.data }),
    ...(credentials === undefined ? {} : { credentials: credentials.block }),
    ...(tokenStore === undefined ? {} : { tokenStore: tokenStore.settings }),
    ...(rotation === undefined ? {} : { rotation: { ...rotation, endpoint: new URL(rotation.endpoint).origin } }),
    warnings,
    secretVariables: secretVariables(secretNames, input.scanned, schema),
    origins: originsOf(resolved, raw, sourceOf, overrides, standsAt),
    redacted: () => redactAll(resolved, input.references, standsAt),
  };
}

function parse<Schema extends typeof imsOptions | typeof renewalOptions | typeof rotationOptions>(
  schema: Schema,
  value: unknown,
  path: Path,
  reader: BlockReader,
): Schema['_output'] | undefined {
  const input = value === undefined ? {} : value;
  const { data, error } = schema.safeParse(input);
  for (const issue of describeIssues(error?.issues ?? [], input, (below) => reader.keysAt([...path, ...below]))) {
    reader.problem([...path, ...issue.path], issue.message);
  }
  return data;
}

/** `secretId` and `secretIdFile` are two ways to say one thing. */
function checkPairs(tree: unknown, problem: (path: Path, message: string) => void): void {
  for (const { path } of listGiven(profileSchema(), tree)) {
    const key = String(path.at(-1));
    const pair = [...path.slice(0, -1), `${key}File`];
    if (getAt(tree, pair) === undefined) continue;
    problem(pair, `give ${key} or ${key}File, not both`);
  }
}

function identityParts({ tokenEndpoint, scope, orgId, clientId }: (typeof imsOptions)['_output']): TokenIdentity {
  return { tokenEndpoint, scope, orgId, clientId };
}

function imsSettings(ims: (typeof imsOptions)['_output'], baseDir: string): ImsSettings {
  return {
    tokenEndpoint: ims.tokenEndpoint,
    ...(ims.scope === undefined ? {} : { scope: ims.scope }),
    ...(ims.orgId === undefined ? {} : { orgId: ims.orgId }),
    ...(ims.clientId === undefined ? {} : { clientId: ims.clientId }),
    ...(ims.caFile === undefined ? {} : { caFile: resolvePath(ims.caFile, baseDir) }),
    timeouts: {
      connectMs: ims.connectTimeout,
      headersMs: ims.headersTimeout,
      bodyMs: ims.bodyTimeout,
      totalMs: ims.requestTimeout,
    },
    timeoutMs: ims.timeout,
    retry: {
      maxAttempts: ims.retry.maxAttempts,
      baseDelayMs: ims.retry.baseDelay,
      maxDelayMs: ims.retry.maxDelay,
      maxRetryAfterMs: ims.retry.maxRetryAfter,
    },
  };
}

function originsOf(
  resolved: JsonObject,
  raw: unknown,
  sourceOf: (path: Path) => string | undefined,
  overrides: ReadonlyMap<string, string>,
  standsAt: (path: Path) => Path,
): Map<string, string> {
  const origins = new Map<string, string>();
  mapLeaves(resolved, (_value, path) => {
    const own = optionOf(path);
    const at = standsAt(own);
    const given = overrides.has(dotted(at)) || getAt(raw, at) !== undefined;
    origins.set(dotted(own), (given ? sourceOf(at) : undefined) ?? 'default');
  });
  return origins;
}

/** A list of texts is one option. */
const optionOf = (path: Path): Path => (typeof path.at(-1) === 'number' ? path.slice(0, -1) : path);

const SECRET_NAME = /(secret|token|password|passphrase|credential|key|jwt)s?$/i;

function redactAll(resolved: JsonObject, references: ReadonlySet<string>, standsAt: (path: Path) => Path): unknown {
  const known = new Set(listGiven(profileSchema(), resolved).map(({ path }) => dotted(path)));
  return mapLeaves(resolved, (value, path) => {
    if (value instanceof Redacted) return '[redacted]';
    if (typeof value !== 'string') return value;
    // Of a third party's option nobody says whether it is a secret.
    const option = optionOf(path);
    const foreign = !known.has(dotted(option));
    if (foreign && (references.has(dotted(standsAt(path))) || SECRET_NAME.test(String(option.at(-1)))))
      return '[redacted]';
    return value.replace(/\/\/[^/@\s]*@/g, '//[redacted]@');
  });
}
