import { constants } from 'node:os';
import { parseDuration } from '../duration.js';
import { ConfigInvalidError, type ConfigProblem } from '../errors.js';
import type { GlobalOptions } from './io.js';

/** The options of `exec` as they stand in the command line. */
export interface ExecOptions extends GlobalOptions {
  env?: string[];
  envExpires?: string;
  envClientId?: string;
  tokenFile?: string;
  tokenFileEnv?: string;
  onRenew: string;
  /** A duration. */
  killAfter: string;
  /** A duration. */
  minTtl?: string;
  /** `true`: all of them. */
  keepEnv?: true | string[];
}

export interface ExecPlan {
  command: [string, ...string[]];
  /** What the child finds where. */
  variables: { token: string[]; file?: string; expires?: string; clientId?: string };
  withFile: boolean;
  onRenew: 'none' | 'restart' | NodeJS.Signals;
  /** Whether the child can see a renewed token. */
  keepsFresh: boolean;
  killAfterMs: number;
  minTtlMs: number;
  keepEnv: true | string[];
}

const DEFAULT_VARIABLE = 'FUSION_ACCESS_TOKEN';

/** @throws ERR_CONFIG_INVALID with every problem */
export function planExec(options: ExecOptions, command: readonly string[] | undefined): ExecPlan {
  const problems: ConfigProblem[] = [];
  const wrong = (path: string, message: string) => problems.push({ path, message });
  const [program = '', ...args] = command ?? [];
  if (program === '') wrong('command', 'write -- and then the program: imsvault exec -- my-program --its-option');

  const variable = (option: string, name: string | undefined) => {
    if (name !== undefined && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) wrong(option, 'takes the name of a variable');
    return name;
  };
  const duration = (option: string, text: string) => {
    const ms = parseDuration(text);
    if (ms === undefined) wrong(option, 'write a duration: 30s, 10m, 2h, or milliseconds');
    return ms ?? 0;
  };
  const onRenew = parseOnRenew(options.onRenew);
  if (onRenew === undefined) wrong('--on-renew', 'takes none, restart, or signal=NAME, for example signal=HUP');

  const { tokenFile, tokenFileEnv, envExpires, envClientId, keepEnv = [] } = options;
  const withFile = tokenFile !== undefined || tokenFileEnv !== undefined;
  // A token in a variable grows old beside a file that does not, so with a file there is one only where asked for.
  const names = options.env ?? (withFile ? [] : [DEFAULT_VARIABLE]);
  for (const name of names) variable('--env', name);
  const file = variable('--token-file-env', tokenFileEnv);
  const expires = variable('--env-expires', envExpires);
  const clientId = variable('--env-client-id', envClientId);
  const others = [file, expires, clientId].filter((name) => name !== undefined);
  for (const name of new Set(others)) {
    if ([...new Set(names), ...others].filter((other) => other === name).length > 1) {
      wrong('', `the variable ${name} is named for two things, and can hold one`);
    }
  }
  const plan: ExecPlan = {
    command: [program, ...args],
    variables: {
      token: names,
      ...(file === undefined ? {} : { file }),
      ...(expires === undefined ? {} : { expires }),
      ...(clientId === undefined ? {} : { clientId }),
    },
    withFile,
    onRenew: onRenew ?? 'none',
    keepsFresh: withFile || onRenew !== 'none',
    killAfterMs: duration('--kill-after', options.killAfter),
    minTtlMs: duration('--min-ttl', options.minTtl ?? '0'),
    keepEnv,
  };
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  return plan;
}

function parseOnRenew(text: string): ExecPlan['onRenew'] | undefined {
  if (text === 'none' || text === 'restart') return text;
  const name = /^signal=(?:SIG)?([A-Z0-9]+)$/.exec(text)?.[1];
  const signal = `SIG${name}`;
  return signal in constants.signals ? (signal as NodeJS.Signals) : undefined;
}
