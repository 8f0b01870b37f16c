import { ConfigInvalidError, type ConfigProblem } from '../errors.js';
import { type Env, interpolate, Unresolved } from './interpolate.js';
import { didYouMean, printable } from './suggest.js';
import { isObject, kindOf, omit, type Path } from './tree.js';

const PROFILE_KEYS = ['ims', 'credentials', 'tokenStore', 'renewal'];
const TOP_KEYS = ['profiles', 'defaultProfile', '$schema'];

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

/**
 * The one profile to use of a whole config.
 * @throws ERR_CONFIG_INVALID
 */
export function selectProfile(
  config: unknown,
  request: ProfileRequest | undefined,
  env: Env,
  sourceOf: (path: Path) => string | undefined,
): SelectedProfile {
  const problem = (path: Path, message: string, source = sourceOf(path)): ConfigProblem => ({
    path: path.join('.'),
    message,
    ...(source === undefined ? {} : { source }),
  });
  const fail = (...problems: ConfigProblem[]) => new ConfigInvalidError(problems);

  if (!isObject(config)) throw fail(problem([], `a config must be an object; it is ${kindOf(config)}`));
  if (!('profiles' in config) && !('defaultProfile' in config)) {
    if (request !== undefined) {
      throw fail(problem([], `there is no profile "${request.name}": the config has no "profiles"`, request.source));
    }
    return { value: omit(config, ['$schema']), path: [] };
  }

  const mixed = Object.keys(omit(config, TOP_KEYS)).map((key) =>
    PROFILE_KEYS.includes(key)
      ? problem([key], 'must not stand beside "profiles"; move it into each profile')
      : problem([printable(key, TOP_KEYS)], `unknown option${didYouMean(key, TOP_KEYS)}`, sourceOf([key])),
  );
  if (mixed.length > 0) throw fail(...mixed);
  const { profiles } = config;
  if (!isObject(profiles) || Object.keys(profiles).length === 0) {
    const found = isObject(profiles) ? 'an empty object' : kindOf(profiles);
    throw fail(problem(['profiles'], `must be an object of profiles by name; it is ${found}`));
  }
  const names = Object.keys(profiles);
  const list = `the config has ${names.join(', ')}`;
  const chosen = request ?? fromDefault();
  if (!Object.hasOwn(profiles, chosen.name)) {
    const name = printable(chosen.name, names);
    throw fail(
      problem(
        chosen.source === undefined ? ['defaultProfile'] : [],
        `there is no profile "${name}"${didYouMean(chosen.name, names)}${/\?$/.test(didYouMean(chosen.name, names)) ? '' : ';'} ${list}`,
        chosen.source,
      ),
    );
  }
  return { name: chosen.name, value: profiles[chosen.name], path: ['profiles', chosen.name] };

  function fromDefault(): { name: string; source?: undefined } {
    const path = ['defaultProfile'];
    const given = (config as { defaultProfile?: unknown }).defaultProfile;
    if (given === undefined) {
      throw fail(problem([], `choose a profile by --profile, IMSVAULT_PROFILE or "defaultProfile"; ${list}`));
    }
    if (typeof given !== 'string') throw fail(problem(path, `must be a profile's name; it is ${kindOf(given)}`));
    const name = interpolate(given, env);
    if (name instanceof Unresolved) throw fail(problem(path, name.problem));
    return { name };
  }
}
