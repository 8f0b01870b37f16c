import type { LoadOptions } from '../config/load.js';

/** The process as a command sees it; tests give their own. */
export interface Io {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly stdin: AsyncIterable<string>;
  /** Whether somebody sits there who can be asked. */
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Options that every command takes. */
export interface GlobalOptions {
  config?: string;
  profile?: string;
  set?: string[];
  debug?: boolean;
}

/** Thrown out of a signal handler's abort. */
export class Interrupted extends Error {
  readonly signalName: NodeJS.Signals;
  constructor(signalName: NodeJS.Signals) {
    super(`stopped by ${signalName}`);
    this.name = 'Interrupted';
    this.signalName = signalName;
  }
}

/** Where the options and the process say that the config is. */
export function loadOptions({ config, profile, set }: GlobalOptions, io: Io): LoadOptions {
  return {
    env: io.env,
    cwd: io.cwd,
    ...(config === undefined ? {} : { configPath: config }),
    ...(profile === undefined ? {} : { profile }),
    ...(set === undefined ? {} : { set }),
  };
}
