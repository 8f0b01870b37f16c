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
  /** Calls `listener` on each SIGHUP, which ends the process otherwise. */
  onHangup?(listener: () => void): void;
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

/** Waits for the process to be told to end. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
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
