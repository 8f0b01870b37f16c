import type { LoadOptions } from '../config/load.js';
import type { Ask } from '../init/answers.js';

/** The process as a command sees it; tests give their own. */
export interface Io {
  stdout(text: string): void;
  stderr(text: string): void;
  /** Absent: empty. */
  readonly stdin?: AsyncIterable<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Asks whoever sits there, yes or no. Absent: nobody does. */
  confirm?(question: string): Promise<boolean>;
  /** Asks for more than yes or no. Absent: nobody is there to be asked. */
  prompts?(): Promise<Ask>;
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
