import { resolvePath } from '../secret/secret-file.js';
import { agentOptions, type SINK_FORMATS } from './agent-schema.js';
import { findDistrustedAgent } from './agent-trust.js';
import type { ConfigSource } from './config-source.js';
import { type Env, interpolateAll, unresolvedIn } from './interpolate.js';
import { describeIssues } from './issues.js';
import { agentSchema, profileSchema } from './json-schema.js';
import { coerceReferences, keysAt } from './option-tree.js';
import { findSecretReferences, namedSecrets } from './secret-variables.js';
import { dotted, getAt, isObject, type Path } from './tree.js';

export interface SinkSettings {
  /** Where it stands in the config: `agent.sinks.0` */
  option: string;
  /** Absolute. */
  path: string;
  /** Undefined: the default one. */
  profile: string | undefined;
  format: (typeof SINK_FORMATS)[number];
  /** Of env and dotenv. */
  variable: string;
  /** Absolute; instead of the format. */
  template: string | undefined;
  mode: number;
  /** A name or a number. */
  owner: string | number | undefined;
  group: string | number | undefined;
}

/** The `agent` part of a config. */
export interface AgentSettings {
  /** As `parseListenAddress` takes them. */
  listen: readonly string[];
  healthListen: readonly string[] | undefined;
  allowRemote: boolean;
  hostNames: readonly string[];
  /** Absolute paths. */
  tls: { certFile: string; keyFile: string } | undefined;
  /** Absolute. */
  tokenFile: string | undefined;
  tokenFileMode: number | undefined;
  group: string | number | undefined;
  requiredProfiles: readonly string[] | undefined;
  sinks: readonly SinkSettings[];
}

/** `unix:PATH` with a path that starts at `baseDir`; other addresses as they are. */
export function resolveAddress(address: string, baseDir: string): string {
  return address.startsWith('unix:') ? `unix:${resolvePath(address.slice('unix:'.length), baseDir)}` : address;
}

/** @param problem told of each thing that is wrong */
export function readAgent(
  source: ConfigSource,
  env: Env,
  problem: (path: Path, message: string) => void,
): AgentSettings | undefined {
  const { baseDir } = source;
  const given = getAt(source.value, ['agent']);
  const references = new Set<string>();
  const texts = interpolateAll(given === undefined ? {} : given, env, (path) => references.add(dotted(path)));
  const tree = coerceReferences(texts, agentSchema(), (path) => references.has(dotted(path)));
  const profiles = Object.values(getAt(source.value, ['profiles']) ?? { only: source.value });
  const shown = findSecretReferences(given, agentSchema(), namedSecrets(profiles, profileSchema(), env));
  for (const { path, message } of shown) problem(['agent', ...path], message);
  const unresolved = unresolvedIn(tree);
  for (const { path, problem: message } of unresolved) problem(['agent', ...path], message);
  const distrusted = source.discovered && isObject(tree) ? findDistrustedAgent(tree, baseDir) : [];
  for (const { path, message } of distrusted) problem(['agent', ...path], message);
  if (shown.length > 0 || unresolved.length > 0 || distrusted.length > 0) return undefined;

  const { data, error } = agentOptions.safeParse(tree);
  for (const issue of describeIssues(error?.issues ?? [], tree, (path) => keysAt(agentSchema(), tree, path))) {
    problem(['agent', ...issue.path], issue.message);
  }
  if (data === undefined) return undefined;
  const file = (path: string) => resolvePath(path, baseDir);
  const optional = (path: string | undefined) => (path === undefined ? undefined : file(path));
  return {
    listen: data.listen.map((address) => resolveAddress(address, baseDir)),
    healthListen: data.healthListen?.map((address) => resolveAddress(address, baseDir)),
    allowRemote: data.allowRemote,
    hostNames: data.hostNames,
    tls: data.tls && { certFile: file(data.tls.certFile), keyFile: file(data.tls.keyFile) },
    tokenFile: optional(data.tokenFile),
    tokenFileMode: data.tokenFileMode,
    group: data.group,
    requiredProfiles: data.requiredProfiles,
    sinks: data.sinks.map((sink, index) => ({
      option: `agent.sinks.${index}`,
      path: file(sink.path),
      profile: sink.profile,
      format: sink.format,
      variable: sink.variable,
      template: optional(sink.template),
      mode: sink.mode,
      owner: sink.owner,
      group: sink.group,
    })),
  };
}
