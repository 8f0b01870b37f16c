import type { ConfigProblem, ImsvaultError } from '../errors.js';
import { Redacted } from '../redacted.js';
import { resolvePath } from '../secret/secret-file.js';
import type { ConfigSource } from './config-source.js';
import { type Env, Unresolved, unresolvedIn } from './interpolate.js';
import { describeIssues } from './issues.js';
import { profileSchema } from './json-schema.js';
import type { ImsSettings, ResolvedProfile, TokenStoreSettings } from './load.js';
import { keysAt, listOptions } from './option-tree.js';
import { type BlockReader, readBlock, readCredentials } from './provider-block.js';
import { imsOptions, READ_ONLY_PROVIDERS, renewalOptions, tokenStoreOptions } from './schema.js';
import { secretVariables } from './secret-variables.js';
import { findSecretsForNames, NOT_A_NAME } from './secrets.js';
import type { SelectedProfile } from './select-profile.js';
import { didYouMean, printable } from './suggest.js';
import { dotted, getAt, isObject, type JsonObject, kindOf, mapLeaves, omit, type Path } from './tree.js';
import { findDistrusted } from './trust.js';

export interface ResolveInput {
  /** The profile with overrides in it and references replaced. */
  tree: unknown;
  /** The profile as it stands in the config. */
  raw: unknown;
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
  const credentials =
    tree.credentials === undefined ? undefined : await readCredentials(tree.credentials, ['credentials'], reader);
  const tokenStore = await readTokenStore(tree.tokenStore, reader);
  if (ims === undefined || renewal === undefined || problems.length > 0) return undefined;

  const resolved = {
    ims,
    ...(credentials === undefined ? {} : { credentials: credentials.resolved }),
    ...(tokenStore === undefined ? {} : { tokenStore: tokenStore.resolved }),
    renewal,
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
    ...(credentials === undefined ? {} : { credentials: credentials.block }),
    ...(tokenStore === undefined ? {} : { tokenStore: tokenStore.settings }),
    warnings,
    secretVariables: secretVariables(raw, tree, schema, env),
    origins: originsOf(resolved, raw, sourceOf, overrides),
    redacted: () => redactAll(resolved, input.references),
  };
}

function parse<Schema extends typeof imsOptions | typeof renewalOptions>(
  schema: Schema,
  value: unknown,
  path: Path,
  reader: BlockReader,
): Schema['_output'] | undefined {
  const { data, error } = schema.safeParse(value === undefined ? {} : value);
  const input = value === undefined ? {} : value;
  for (const issue of describeIssues(error?.issues ?? [], input, (below) => reader.keysAt([...path, ...below]))) {
    reader.problem([...path, ...issue.path], issue.message);
  }
  return data;
}

/** `secretId` and `secretIdFile` are two ways to say one thing. */
function checkPairs(tree: unknown, problem: (path: Path, message: string) => void): void {
  for (const { path } of listOptions(profileSchema(), tree)) {
    const key = String(path.at(-1));
    const pair = [...path.slice(0, -1), `${key}File`];
    if (getAt(tree, path) === undefined || getAt(tree, pair) === undefined) continue;
    problem(pair, `give ${key} or ${key}File, not both`);
  }
}

async function readTokenStore(value: unknown, reader: BlockReader) {
  if (value === undefined) return undefined;
  const path = ['tokenStore'];
  const provider = isObject(value) ? value.provider : undefined;
  if (provider === 'chain' || READ_ONLY_PROVIDERS.includes(String(provider))) {
    reader.problem([...path, 'provider'], `${provider} cannot hold a token: nothing can be written to it`);
    return undefined;
  }
  const read = await readBlock(value, path, tokenStoreOptions, reader);
  if (read === undefined) return undefined;
  const { create, onMismatch, onUnavailable } = read.common;
  const settings: TokenStoreSettings = { ...read.block, create, onMismatch, onUnavailable };
  return { settings, resolved: read.resolved };
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
): Map<string, string> {
  const origins = new Map<string, string>();
  mapLeaves(resolved, (_value, path) => {
    // A list of texts has one origin.
    const own = typeof path.at(-1) === 'number' ? path.slice(0, -1) : path;
    const given = overrides.has(dotted(own)) || getAt(raw, own) !== undefined;
    origins.set(dotted(own), (given ? sourceOf(own) : undefined) ?? 'default');
  });
  return origins;
}

const SECRET_NAME = /(secret|token|password|passphrase|credential|key|jwt)s?$/i;

function redactAll(resolved: JsonObject, references: ReadonlySet<string>): unknown {
  const known = new Set(listOptions(profileSchema(), resolved).map(({ path }) => dotted(path)));
  return mapLeaves(resolved, (value, path) => {
    if (value instanceof Redacted) return '[redacted]';
    if (value === undefined || typeof value !== 'string') return value instanceof Unresolved ? undefined : value;
    // Of a third party's option nobody says whether it is a secret.
    const foreign = typeof path.at(-1) !== 'number' && path.length > 1 && !known.has(dotted(path));
    if (foreign && (references.has(dotted(path)) || SECRET_NAME.test(String(path.at(-1))))) return '[redacted]';
    return value.replace(/\/\/[^/@\s]*@/g, '//[redacted]@');
  });
}
