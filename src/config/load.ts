import { ConfigInvalidError, type ConfigProblem, type ImsvaultError } from '../errors.js';
import type { HttpTimeouts } from '../net/http-client.js';
import type { RetryPolicy } from '../retry.js';
import type { RenewalPolicy } from '../token/renewal-schedule.js';
import { type ConfigSource, openConfigSource } from './config-source.js';
import { type Env, interpolateAll } from './interpolate.js';
import { profileSchema } from './json-schema.js';
import { coerceReferences } from './option-tree.js';
import { applyEnv, applyFlags, ineffectiveVariables } from './overrides.js';
import type { ProviderBlock, SingleProvider } from './provider-block.js';
import { resolveProfile } from './resolve.js';
import { findLiteralSecrets } from './secrets.js';
import { type ProfileRequest, type SelectedProfile, selectProfile } from './select-profile.js';
import { dotted, getAt, isObject, type Path } from './tree.js';

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
  /** Variables whose values are secrets of the config's profiles or logins of their stores. */
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
  const source = await openConfigSource(options);
  const selected = selectProfile(source.value, requested(options), options.env, source.sourceOf);
  const { profile, problems, notInstalled } = await readProfile(
    source,
    selected,
    options,
    allProfiles(source, selected),
  );
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  if (notInstalled !== undefined) throw notInstalled;
  return profile as ResolvedProfile;
}

export interface ReadProfile {
  /** Undefined where there are problems. */
  profile: ResolvedProfile | undefined;
  problems: ConfigProblem[];
  /** Of a third party's module. */
  notInstalled: ImsvaultError | undefined;
}

/** Checks one profile. @param scanned the profiles in which to look for secrets that are written out, or for their variables */
export async function readProfile(
  source: ConfigSource,
  selected: SelectedProfile,
  { env, set = [] }: Pick<LoadOptions, 'env' | 'set'>,
  scanned: readonly SelectedProfile[],
): Promise<ReadProfile> {
  const schema = profileSchema();
  const problems: ConfigProblem[] = [];
  const warnings: string[] = [];
  if (source.isText) scanForSecrets(source, scanned, problems, warnings);

  const references = new Set<string>();
  const fromFile = interpolateAll(selected.value, env, (path) => references.add(dotted(path)));
  const overridden = applyFlags(applyEnv(fromFile, schema, env), schema, set, problems);
  const { origins } = overridden;
  const complete = withDefaultCredentials(overridden.tree);
  const isReference = (path: Path) => references.has(dotted(path));
  const tree = references.size === 0 ? complete : coerceReferences(complete, schema, isReference);
  warnings.push(...ineffectiveVariables(env, schema, origins));

  let notInstalled: ImsvaultError | undefined;
  const profile = await resolveProfile({
    tree,
    raw: selected.value,
    scanned: scanned.map(({ value }) => value),
    env,
    source,
    selected,
    overrides: origins,
    references,
    problems,
    warnings,
    notInstalled: (error) => {
      notInstalled ??= error;
    },
  });
  return { profile, problems, notInstalled };
}

function requested({ profile, config, env }: LoadOptions): ProfileRequest | undefined {
  if (profile !== undefined) return { name: profile, source: config === undefined ? '--profile' : 'code' };
  // A config object without profiles is not spoilt by a variable that is meant for the command line.
  if (config !== undefined && !(isObject(config) && 'profiles' in config)) return undefined;
  return env.IMSVAULT_PROFILE ? { name: env.IMSVAULT_PROFILE, source: 'IMSVAULT_PROFILE' } : undefined;
}

/** Not only the one in use: a secret in the file is in the open either way. */
function allProfiles(source: ConfigSource, selected: SelectedProfile): SelectedProfile[] {
  const profiles = getAt(source.value, ['profiles']);
  if (!isObject(profiles)) return [selected];
  return Object.entries(profiles).map(([name, value]) => ({ name, value, path: ['profiles', name] }));
}

function scanForSecrets(
  source: ConfigSource,
  profiles: readonly SelectedProfile[],
  problems: ConfigProblem[],
  warnings: string[],
): void {
  for (const { value, path } of profiles) {
    const found = findLiteralSecrets(value, profileSchema(), (below) => source.sourceOf([...path, ...below]));
    problems.push(...found.problems);
    warnings.push(...found.warnings);
  }
}

function withDefaultCredentials(tree: unknown): unknown {
  if (!isObject(tree) || tree.credentials !== undefined || tree.tokenStore !== undefined) return tree;
  return { ...tree, credentials: { provider: 'env' } };
}
