import { ConfigInvalidError, type ConfigProblem, type ImsvaultError } from '../errors.js';
import { type AgentSettings, readAgent, type SinkSettings } from './agent-block.js';
import { openConfigSource } from './config-source.js';
import { filesNamed } from './files-named.js';
import { type LoadOptions, type ResolvedProfile, readProfile } from './load.js';
import { selectProfiles } from './select-profile.js';
import { didYouMean, printable } from './suggest.js';
import { dotted, getAt, type Path } from './tree.js';

export interface LoadConfigOptions extends Omit<LoadOptions, 'profile'> {
  /** `--profile`; default all. */
  profiles?: readonly string[];
  /** Which load of the same config by this process it is, from 0. */
  reload?: number;
}

export interface ServedAgentSettings extends AgentSettings {
  sinks: readonly ServedSink[];
}

export interface ServedSink extends SinkSettings {
  profile: string;
}

/** A config with all of its profiles, or those that were asked for. */
export interface LoadedConfig {
  /** Absolute path; undefined without a file. */
  file: string | undefined;
  /** The file's, from before it was read. */
  stamp: string | null;
  /** By name, in the config's order. The one of a config without `profiles` is `default`. */
  profiles: ReadonlyMap<string, ResolvedProfile>;
  /** Undefined where several are there and nothing says which is meant. */
  defaultName: string | undefined;
  /** With what concerns these profiles. */
  agent: ServedAgentSettings;
  warnings: readonly string[];
}

const ONLY_PROFILE = 'default';

/**
 * All profiles of a config, from one read of its file.
 * @throws ERR_CONFIG_INVALID with every problem of every profile; ERR_PROVIDER_NOT_INSTALLED for a third party's module
 */
export async function loadConfig(options: LoadConfigOptions): Promise<LoadedConfig> {
  const { env, profiles: names = [] } = options;
  const source = await openConfigSource(options);
  const requests = names.map((name) => ({ name, source: '--profile' }));
  const standard = env.IMSVAULT_PROFILE ? { name: env.IMSVAULT_PROFILE, source: 'IMSVAULT_PROFILE' } : undefined;
  const { selected, defaultName } = selectProfiles(source.value, requests, standard, env, source.sourceOf);

  const problems: ConfigProblem[] = [];
  const profiles = new Map<string, ResolvedProfile>();
  const warnings = new Map<string, string[]>();
  let notInstalled: ImsvaultError | undefined;
  for (const one of selected) {
    const name = one.name ?? ONLY_PROFILE;
    const read = await readProfile(source, one, options, [one]);
    for (const problem of read.problems) problems.push({ ...problem, path: below(one.path, problem.path) });
    notInstalled ??= read.notInstalled;
    if (read.profile === undefined) continue;
    profiles.set(name, read.profile);
    for (const text of read.profile.warnings) warnings.set(text, [...(warnings.get(text) ?? []), name]);
  }
  const problem = (path: Path, message: string) => {
    const at = source.sourceOf(path);
    problems.push({ path: dotted(path), message, ...(at === undefined ? {} : { source: at }) });
  };
  const served = selected.map((one) => one.name ?? ONLY_PROFILE);
  const known = Object.keys(getAt(source.value, ['profiles']) ?? { [ONLY_PROFILE]: undefined });
  const standardName = defaultName ?? (served.length === 1 ? served[0] : undefined);
  const agent = forProfiles(readAgent(source, env, problem), served, known, standardName, problem);
  if (agent !== undefined) checkSinkPaths(agent, source.file, profiles, problem);
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  if (notInstalled !== undefined) throw notInstalled;
  return {
    file: source.file,
    stamp: source.stamp ?? null,
    profiles,
    defaultName: standardName,
    agent: agent as ServedAgentSettings,
    warnings: [...warnings].map(([text, names]) =>
      names.length === profiles.size ? text : `${listOf(names)}: ${text}`,
    ),
  };
}

/** What is said of profiles that are not served is left out; of such that are not there, it is a mistake. */
function forProfiles(
  agent: AgentSettings | undefined,
  served: readonly string[],
  known: readonly string[],
  standard: string | undefined,
  problem: (path: Path, message: string) => void,
): ServedAgentSettings | undefined {
  if (agent === undefined) return undefined;
  const check = (name: string, path: Path) => {
    if (!known.includes(name))
      problem(path, `there is no profile "${printable(name, known)}"${didYouMean(name, known)}`);
    return served.includes(name);
  };
  const sinks = agent.sinks.flatMap((sink, index) => {
    const path = ['agent', 'sinks', index, 'profile'];
    const name = sink.profile ?? standard;
    if (name !== undefined) return check(name, path) ? [{ ...sink, profile: name }] : [];
    // With --profile, the default one may be another.
    if (served.length === known.length) problem(path, 'is required: there is no default profile');
    return [];
  });
  const required = agent.requiredProfiles?.filter((name, index) => check(name, ['agent', 'requiredProfiles', index]));
  return { ...agent, sinks, requiredProfiles: required };
}

/** A token in the place of a file that is read would take more away than a token. */
function checkSinkPaths(
  { sinks, tokenFile, tls }: ServedAgentSettings,
  config: string | undefined,
  profiles: ReadonlyMap<string, ResolvedProfile>,
  problem: (path: Path, message: string) => void,
): void {
  const taken = new Map<string | undefined, string>([
    ...[...profiles].flatMap(([name, profile]) =>
      [...filesNamed(profile)].map(([file, option]): [string, string] => [file, `${option} of the profile ${name}`]),
    ),
    [tls?.certFile, 'agent.tls.certFile'],
    [tls?.keyFile, 'agent.tls.keyFile'],
    [tokenFile, 'agent.tokenFile'],
    ...sinks.map(({ template, option }): [string | undefined, string] => [template, `${option}.template`]),
    [config, 'the config'],
  ]);
  for (const [index, { path }] of sinks.entries()) {
    const other = taken.get(path);
    if (other !== undefined)
      problem(['agent', 'sinks', index, 'path'], `is that of ${other}, which a token would replace`);
  }
}

const below = (path: Path, problem: string) => [...path, problem].filter((part) => part !== '').join('.');

const MAX_LISTED = 5;

/** `profile a, b, c and 12 more` */
function listOf(names: readonly string[]): string {
  const rest = names.length - MAX_LISTED;
  return `profile ${names.slice(0, MAX_LISTED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
