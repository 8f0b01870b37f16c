import { ConfigInvalidError, type ConfigProblem } from '../errors.js';
import type { JsonObject } from '../json.js';
import { printableName } from '../terminal-text.js';
import { type Env, interpolate, Unresolved } from './interpolate.js';
import { didYouMean, printable } from './suggest.js';
import { dotted, getAt, isObject, kindOf, omit, type Path } from './tree.js';

const PROFILE_KEYS = ['ims', 'credentials', 'tokenStore', 'renewal', 'rotation'];
/** What stands beside the one profile of a config without `profiles`. */
const COMMON_KEYS = ['agent', '$schema'];
const TOP_KEYS = ['profiles', 'defaultProfile', ...COMMON_KEYS];

export interface SelectedProfile {
  /** Undefined where the config has no `profiles`. */
  name?: string;
  value: unknown;
  /** Where the profile stands in the config. */
  path: Path;
}

export interface ProfileRequest {
  name: string;
  /** What asked for it: `--profile` or `IMSVAULT_PROFILE`. */
  source: string;
}

export interface SelectedProfiles {
  /** In the config's order. */
  selected: SelectedProfile[];
  /** Which of them is meant where none is named; undefined where nothing says so, and for one without a name. */
  defaultName: string | undefined;
}

type SourceOf = (path: Path) => string | undefined;

/**
 * The one profile to use of a whole config.
 * @throws ERR_CONFIG_INVALID
 */
export function selectProfile(
  config: unknown,
  request: ProfileRequest | undefined,
  env: Env,
  sourceOf: SourceOf,
): SelectedProfile {
  const profiles = readProfiles(config, sourceOf);
  if (profiles === undefined) return withoutName(config, request);
  const given = request ?? defaultOf(config, env, sourceOf);
  if (given !== undefined) return pickProfile(profiles, given, sourceOf);
  const message = `choose a profile by --profile, IMSVAULT_PROFILE or "defaultProfile"; the config has ${listOf(Object.keys(profiles))}`;
  throw new ConfigInvalidError([problemAt([], message, sourceOf)]);
}

/**
 * Several profiles of a config.
 * @param requests empty: all
 * @param standard which one is the default, before the config's `defaultProfile`
 * @throws ERR_CONFIG_INVALID
 */
export function selectProfiles(
  config: unknown,
  requests: readonly ProfileRequest[],
  standard: ProfileRequest | undefined,
  env: Env,
  sourceOf: SourceOf,
): SelectedProfiles {
  const profiles = readProfiles(config, sourceOf);
  if (profiles === undefined)
    return { selected: [withoutName(config, requests[0] ?? standard)], defaultName: undefined };
  const wanted = new Set(requests.map((request) => pickProfile(profiles, request, sourceOf).name));
  const names = Object.keys(profiles).filter((name) => wanted.size === 0 || wanted.has(name));
  const given = standard ?? defaultOf(config, env, sourceOf);
  const defaultName = given && pickProfile(profiles, given, sourceOf).name;
  return {
    selected: names.map((name) => ({ name, value: profiles[name], path: ['profiles', name] })),
    defaultName: names.find((name) => name === defaultName),
  };
}

/** The profiles by name; undefined where the config is one profile itself. */
function readProfiles(config: unknown, sourceOf: SourceOf): JsonObject | undefined {
  const fail = (...problems: ConfigProblem[]) => new ConfigInvalidError(problems);
  if (!isObject(config)) throw fail(problemAt([], `a config must be an object; it is ${kindOf(config)}`, sourceOf));
  if (!('profiles' in config) && !('defaultProfile' in config)) return undefined;
  const mixed = Object.keys(omit(config, TOP_KEYS)).map((key) =>
    PROFILE_KEYS.includes(key)
      ? problemAt([key], 'must not stand beside "profiles"; move it into each profile', sourceOf)
      : problemAt([printable(key, TOP_KEYS)], `unknown option${didYouMean(key, TOP_KEYS)}`, () => sourceOf([key])),
  );
  if (mixed.length > 0) throw fail(...mixed);
  const { profiles } = config;
  if (isObject(profiles) && Object.keys(profiles).length > 0) return profiles;
  const found = isObject(profiles) ? 'an empty object' : kindOf(profiles);
  throw fail(problemAt(['profiles'], `must be an object of profiles by name; it is ${found}`, sourceOf));
}

function withoutName(config: unknown, request: ProfileRequest | undefined): SelectedProfile {
  if (request === undefined) return { value: omit(config as JsonObject, COMMON_KEYS), path: [] };
  const message = `there is no profile "${printableName(request.name)}": the config has no "profiles"`;
  throw new ConfigInvalidError([problemAt([], message, () => request.source)]);
}

function pickProfile(
  profiles: JsonObject,
  { name, source }: { name: string; source?: string },
  sourceOf: SourceOf,
): Required<SelectedProfile> {
  if (Object.hasOwn(profiles, name)) return { name, value: profiles[name], path: ['profiles', name] };
  const names = Object.keys(profiles);
  const meant = didYouMean(name, names);
  const message = `there is no profile "${printable(name, names)}"${meant}${/\?$/.test(meant) ? '' : ';'} the config has ${listOf(names)}`;
  throw new ConfigInvalidError([
    source === undefined ? problemAt(['defaultProfile'], message, sourceOf) : problemAt([], message, () => source),
  ]);
}

function defaultOf(config: unknown, env: Env, sourceOf: SourceOf): { name: string } | undefined {
  const path = ['defaultProfile'];
  const fail = (message: string) => new ConfigInvalidError([problemAt(path, message, sourceOf)]);
  const given = getAt(config, path);
  if (given === undefined) return undefined;
  if (typeof given !== 'string') throw fail(`must be a profile's name; it is ${kindOf(given)}`);
  const name = interpolate(given, env);
  if (name instanceof Unresolved) throw fail(name.problem);
  return { name };
}

const listOf = (names: readonly string[]) => names.map(printableName).join(', ');

function problemAt(path: Path, message: string, sourceOf: SourceOf): ConfigProblem {
  const source = sourceOf(path);
  return { path: dotted(path), message, ...(source === undefined ? {} : { source }) };
}
