import { statSync } from 'node:fs';
import { sha256 } from './digest.js';

type Env = Readonly<Record<string, string | undefined>>;

/** What decides which token a call gets, as far as it is known before a config is read. */
export interface CallFacts {
  version: string;
  uid: number;
  /** The config: a file's absolute path; else the text of what stands for it. */
  config: string;
  profile: string | undefined;
  /** `--set` flags. */
  set: readonly string[];
  env: Env;
}

/** A file's absolute path and its stamp; null: there is no such file. */
export type Stamped = readonly [string, string | null];

/** What else decided which token it was, known once it is there. */
export interface RecordedFacts {
  files: readonly Stamped[];
  /** Name of a variable → keyed digest of its value; null: it was not set. */
  env: readonly (readonly [string, string | null])[];
}

/** Variables that providers and their SDKs go by: all of them count, read or not. */
const FAMILIES = /^((IMSVAULT|FUSION|VAULT|BAO|AWS|AZURE|IDENTITY|MSI|IMDS)_|HOME$)/;

/** Whether a variable counts in {@link callDigest} already. */
export const isFamiliar = (name: string) => FAMILIES.test(name);

/** A name for the call, which tells nothing about its values without `salt`. */
export function callDigest({ version, uid, config, profile, set, env }: CallFacts, salt: string): string {
  const variables = Object.keys(env)
    .filter((name) => isFamiliar(name) && env[name] !== undefined)
    .sort()
    .map((name) => [name, env[name]]);
  return sha256(JSON.stringify([salt, version, uid, config, profile ?? null, set, variables]));
}

export function recordFacts(names: Iterable<string>, files: readonly Stamped[], env: Env, salt: string): RecordedFacts {
  return {
    files,
    env: [...names].filter((name) => !isFamiliar(name)).map((name) => [name, digestOf(env[name], salt)] as const),
  };
}

/** Whether nothing has changed since. */
export function factsHold({ files, env: variables }: RecordedFacts, env: Env, salt: string): boolean {
  return (
    files.every(([file, stamp]) => stampOf(file) === stamp) &&
    variables.every(([name, digest]) => digestOf(env[name], salt) === digest)
  );
}

/** Changes with every write to a file, and when another takes its place; null: there is none, or it is no file. */
export function stampOf(file: string): string | null {
  try {
    const stats = statSync(file, { bigint: true });
    if (!stats.isFile()) return null;
    return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
  } catch {
    return null;
  }
}

function digestOf(value: string | undefined, salt: string): string | null {
  return value === undefined ? null : sha256(JSON.stringify([salt, value]));
}
