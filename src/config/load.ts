import { ConfigInvalidError, type ConfigProblem, type ImsvaultError } from '../errors.js';
import type { HttpTimeouts } from '../net/http-client.js';
import type { RetryPolicy } from '../retry.js';
import type { RenewalPolicy } from '../token/renewal-schedule.js';
import { type ConfigSource, openConfigSource } from './config-source.js';
import { type Env, interpolateAll } from './interpolate.js';
import { profileSchema } from './json-schema.js';
import { coerce, listOptions } from './option-tree.js';
import { applyEnv, applyFlags, ineffectiveVariables, type Overridden } from './overrides.js';
import type { ProviderBlock, SingleProvider } from './provider-block.js';
import { resolveProfile } from './resolve.js';
import { findLiteralSecrets } from './secrets.js';
import { type ProfileRequest, type SelectedProfile, selectProfile } from './select-profile.js';
import { dotted, getAt, isObject, setAt } from './tree.js';

export type { ProviderBlock, SingleProvider } from './provider-block.js';

export interface LoadOptions {
  /** `--config`: a file, relative to `cwd`. */
  configPath?: string;
  /** `--profile` */
  profile?: string;
  /** `--set` flags: `credentials.path=ims/fusion`. Not for secrets. */
  set?: readonly string[];
  env: Env;
  cwd: string;
  /** Where the search for a file ends. Default: the user's home folder. */
  home?: string;
  /** A config given by code instead of a file. */
  config?: unknown;
  /** This user's id, for the check of a found file's owner. Default: the process's. */
  uid?: number;
}

export interface ImsSettings {
  tokenEndpoint: string;
  /** Undefined: the secret's own scopes, else the default ones. */
  scope?: string[];
  orgId?: string;
  clientId?: string;
  /** Absolute path of a PEM file. */
  caFile?: string;
  timeouts: Partial<HttpTimeouts>;
  /** Upper bound of one exchange with all its retries, in milliseconds. */
  timeoutMs: number;
  retry: RetryPolicy;
}

export interface TokenStoreSettings extends SingleProvider {
  /** Of the tokens that the profile wants. */
  identity: string;
  identityRevision: number;
  create: boolean;
  onMismatch: 'exchange' | 'replace' | 'fail';
  onUnavailable: 'exchange' | 'fail';
}

/** Where `imsvault rotate` finds the credential at Adobe. */
export interface RotationSettings {
  /** The organisation's number in the Developer Console. */
  orgId: string;
  credentialId: string;
  /** Origin, without a slash at its end. */
  endpoint: string;
  scope: string[];
}

/** A profile with every value checked. */
export interface ResolvedProfile {
  /** Undefined where the config has no `profiles`. */
  name?: string;
  configFile?: string;
  /** Relative paths in options start here. */
  baseDir: string;
  ims: ImsSettings;
  renewal: RenewalPolicy;
  /** Whether processes of this machine share the token through a file. Undefined: as the face has it. */
  cache?: boolean;
  /** Undefined only beside a `tokenStore`: a consumer of tokens. */
  credentials?: ProviderBlock;
  tokenStore?: TokenStoreSettings;
  rotation?: RotationSettings;
  warnings: string[];
  /** Variables whose values are secrets of this profile or logins of its stores. */
  secretVariables: readonly string[];
  /** Dotted path → `imsvault.config.yaml:12`, a variable, `--set`, `code` or `default`. */
  origins: ReadonlyMap<string, string>;
  /** The values by their names in the config, defaults included, secrets as `[redacted]`. */
  redacted(): unknown;
}

/**
 * Finds, reads and checks a configuration. Flags go before the environment, the environment before the config,
 * the config before defaults.
 * @throws ERR_CONFIG_INVALID with every problem at once; ERR_PROVIDER_NOT_INSTALLED for a third party's module
 */
export async function loadProfile(options: LoadOptions): Promise<ResolvedProfile> {
  const { env } = options;
  const source = await openConfigSource(options);
  const selected = selectProfile(source.value, requested(options), env, source.sourceOf);
  const schema = profileSchema();
  const problems: ConfigProblem[] = [];
  const warnings: string[] = [];
  if (source.isText) scanForSecrets(source, selected, problems, warnings);

  const references = new Set<string>();
  const fromFile = interpolateAll(selected.value, env, (path) => references.add(dotted(path)));
  const overridden = applyFlags(applyEnv(fromFile, schema, env), schema, options.set ?? [], problems);
  const tree = coerceReferences(withDefaultCredentials(overridden.tree), overridden, references);
  warnings.push(...ineffectiveVariables(env, schema, overridden.origins));

  let missing: ImsvaultError | undefined;
  const profile = await resolveProfile({
    tree,
    raw: selected.value,
    env,
    source,
    selected,
    overrides: overridden.origins,
    references,
    problems,
    warnings,
    notInstalled: (error) => {
      missing ??= error;
    },
  });
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  if (missing !== undefined) throw missing;
  return profile as ResolvedProfile;
}

function requested({ profile, config, env }: LoadOptions): ProfileRequest | undefined {
  if (profile !== undefined) return { name: profile, source: config === undefined ? '--profile' : 'code' };
  // A config object without profiles is not spoilt by a variable that is meant for the command line.
  if (config !== undefined && !(isObject(config) && 'profiles' in config)) return undefined;
  return env.IMSVAULT_PROFILE ? { name: env.IMSVAULT_PROFILE, source: 'IMSVAULT_PROFILE' } : undefined;
}

/** All profiles of a file, not only the one in use: a secret in it is in the open either way. */
function scanForSecrets(
  source: ConfigSource,
  selected: SelectedProfile,
  problems: ConfigProblem[],
  warnings: string[],
): void {
  const { profiles } = source.value as { profiles?: unknown };
  const all =
    selected.name === undefined || !isObject(profiles)
      ? [selected]
      : Object.entries(profiles).map(([name, value]) => ({ value, path: ['profiles', name] }));
  for (const { value, path } of all) {
    const found = findLiteralSecrets(value, profileSchema(), (below) => source.sourceOf([...path, ...below]));
    problems.push(...found.problems);
    warnings.push(...found.warnings);
  }
}

function withDefaultCredentials(tree: unknown): unknown {
  if (!isObject(tree) || tree.credentials !== undefined || tree.tokenStore !== undefined) return tree;
  return { ...tree, credentials: { provider: 'env' } };
}

/** What `${…}` gave is a text; its option may be a number. */
function coerceReferences(tree: unknown, { origins }: Overridden, references: ReadonlySet<string>): unknown {
  return listOptions(profileSchema(), tree).reduce((result, { path, node }) => {
    const value = getAt(tree, path);
    const own = typeof value === 'string' && references.has(dotted(path)) && !origins.has(dotted(path));
    return own ? setAt(result, path, coerce(value, node)) : result;
  }, tree);
}
