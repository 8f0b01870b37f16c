import type { ConfigProblem } from '../errors.js';
import type { Env } from './interpolate.js';
import { coerce, isDiscriminator, listOptions, type Option, type SchemaNode } from './option-tree.js';
import { CLIENT_SECRET_REFUSAL, isClientSecretKey } from './secrets.js';
import { nearest } from './suggest.js';
import { dotted, getAt, isObject, type Path, setAt } from './tree.js';

/** A config with values from flags and the environment in it. */
export interface Overridden {
  tree: unknown;
  /** Dotted path → the variable or flag that gave the value. */
  origins: Map<string, string>;
}

const PREFIX = 'IMSVAULT_';

/** Listing the options of a thousand profiles takes seconds: where none of these is given, nobody need do it. */
export const ownVariables = (env: Env): string[] => Object.keys(env).filter((name) => name.startsWith(PREFIX));

/** `ims.tokenEndpoint` → `IMSVAULT_IMS_TOKEN_ENDPOINT` */
export function variableName(path: Path): string {
  const words = path.map((key) => String(key).replace(/([a-z0-9])([A-Z])/g, '$1_$2'));
  return `${PREFIX}${words.join('_').toUpperCase()}`;
}

/** Values from `IMSVAULT_…` variables. An empty variable counts as unset. */
export function applyEnv(base: unknown, schema: SchemaNode, env: Env): Overridden {
  let result: Overridden = { tree: base, origins: new Map() };
  const used = new Set<string>();
  if (ownVariables(env).length === 0) return result;
  for (;;) {
    const given = listOptions(schema, result.tree)
      .map((option) => ({ option, name: variableName(option.path) }))
      .filter(({ name }) => !used.has(name) && env[name] !== undefined && env[name] !== '');
    // What decides which options there are goes first, one at a time.
    const batch = given.filter(({ option }) => isDiscriminator(option.node)).slice(0, 1);
    if (given.length === 0) return result;
    for (const { option, name } of batch.length > 0 ? batch : given) {
      used.add(name);
      result = override(result, option.path, coerce(env[name] ?? '', option.node), name);
    }
  }
}

const BESIDE_PROFILES = ['agent', 'profiles', 'defaultProfile'];

/** Values from `--set path=value` flags. */
export function applyFlags(
  base: Overridden,
  schema: SchemaNode,
  flags: readonly string[],
  problems: ConfigProblem[],
): Overridden {
  const source = '--set';
  const parsed = flags.flatMap((flag) => {
    const match = /^([A-Za-z][\w]*(?:\.[\w]+)*)=([\s\S]*)$/.exec(flag);
    if (match !== null) return [{ path: (match[1] as string).split('.'), value: match[2] as string }];
    problems.push({ path: '', message: 'write path=value, for example ims.orgId=…@AdobeOrg', source });
    return [];
  });
  const decides = ({ path }: { path: string[] }) => (['provider', 'method'].includes(path.at(-1) ?? '') ? 0 : 1);
  let result = base;
  for (const { path, value } of parsed.sort((a, b) => decides(a) - decides(b))) {
    const option = listOptions(schema, result.tree).find((candidate) => dotted(candidate.path) === dotted(path));
    const parent = getAt(result.tree, path.slice(0, -1));
    if (BESIDE_PROFILES.includes(path[0] as string)) {
      const message = 'cannot be set so: --set reaches the options of a profile; write it into the config';
      problems.push({ path: dotted(path), message, source });
    } else if (option?.node.writeOnly === true) {
      const message = `a secret must not stand in a command line, which every user of the machine can read; use ${variableName(path)} or ${path.at(-1)}File`;
      problems.push({ path: dotted(path), message, source });
    } else if (option === undefined && isClientSecretKey(path.at(-1) ?? '')) {
      problems.push({ path: dotted(path), message: CLIENT_SECRET_REFUSAL, source });
    } else if (Array.isArray(parent) || (parent !== undefined && !isObject(parent))) {
      problems.push({ path: dotted(path), message: 'cannot be set: there is no group of options here', source });
    } else {
      result = override(result, path, option === undefined ? value : coerce(value, option.node), source);
    }
  }
  return result;
}

/** Another provider or method has other options: those given for the one before go with it. */
function override({ tree, origins }: Overridden, path: Path, value: unknown, source: string): Overridden {
  const key = path.at(-1) ?? '';
  const parent = path.slice(0, -1);
  const before = getAt(tree, path);
  const next = new Map(origins);
  if ((key === 'provider' || key === 'method') && before !== undefined && before !== value) {
    const prefix = `${dotted(parent)}.`;
    for (const known of origins.keys()) if (known.startsWith(prefix)) next.delete(known);
    return { tree: setAt(tree, parent, { [key]: value }), origins: next.set(dotted(path), source) };
  }
  return { tree: setAt(tree, path, value), origins: next.set(dotted(path), source) };
}

/** Every option that a variable can set: all providers and methods, and the first link of a chain. */
export function everyOption(schema: SchemaNode): Option[] {
  return listOptions(schema, {});
}

/** Read by other parts of imsvault. */
const OTHER_VARIABLES = [`${PREFIX}CONFIG`, `${PREFIX}PROFILE`];

/**
 * Variables that look meant for imsvault and have no effect. Others with the prefix are left alone: Kubernetes sets
 * `IMSVAULT_SERVICE_HOST`, `IMSVAULT_PORT_…` and the like where a service is called imsvault.
 */
export function ineffectiveVariables(env: Env, schema: SchemaNode, origins: ReadonlyMap<string, string>): string[] {
  const used = new Set(origins.values());
  const names = ownVariables(env)
    .filter((name) => env[name] !== '' && env[name] !== undefined && !used.has(name))
    .filter((name) => !OTHER_VARIABLES.includes(name) && !isFromKubernetes(name));
  if (names.length === 0) return [];
  const known = [...everyOption(schema).map((option) => variableName(option.path)), ...OTHER_VARIABLES];
  return names.flatMap((name) => {
    if (known.includes(name)) return [`${name} has no effect: a flag goes before it, or its provider is not in use`];
    const meant = nearest(
      name.slice(PREFIX.length),
      known.map((candidate) => candidate.slice(PREFIX.length)),
    );
    return meant === undefined ? [] : [`${name} is not known; did you mean ${PREFIX}${meant}?`];
  });
}

const isFromKubernetes = (name: string) => /^IMSVAULT_(SERVICE_(HOST|PORT)|PORT)(_|$)/.test(name);
