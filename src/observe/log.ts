import type { Clock } from '../clock.js';
import { type Printable, printable } from './printable.js';

export const LOG_FORMATS = ['text', 'json'] as const;
/** The least important first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogRecord {
  readonly level: LogLevel;
  /** A short name of what happened: `renewed`. */
  readonly event: string;
  /** Anything; secrets and tokens are redacted by their types, see {@link printable}. */
  readonly [field: string]: unknown;
}

/** Writes one line. Never throws. */
export type Log = (record: LogRecord) => void;

export interface LogOptions {
  /** `text`: for people, `json`: an object a line, for machines. */
  format: LogFormat;
  /** Records below it are dropped. */
  level: LogLevel;
  /** Gets each line, its newline included. */
  destination: (line: string) => void;
  clock: Pick<Clock, 'now'>;
}

/** Structured logs for commands that run long. A record's own `time` gives way to the clock's. */
export async function createLog(options: LogOptions): Promise<Log> {
  const { format, level, destination, clock } = options;
  const write = format === 'json' ? (await import('./json-log.js')).createJsonLog(destination) : writeText(destination);
  const least = LOG_LEVELS.indexOf(level);

  return ({ level, event, ...fields }) => {
    if (LOG_LEVELS.indexOf(level) < least) return;
    const { time: _, ...rest } = printable(fields) as { [key: string]: Printable };
    write(level, { time: new Date(clock.now()).toISOString(), event, ...rest });
  };
}

/** A line's fields, `time` and `event` first. */
export type WriteLine = (level: LogLevel, fields: Readonly<Record<string, Printable>>) => void;

function writeText(destination: (line: string) => void): WriteLine {
  return (level, { time, event, ...fields }) => {
    const pairs = Object.entries(fields).map(([key, value]) => ` ${bare(key)}=${bare(value)}`);
    destination(`${time} ${level.padEnd(5)} ${bare(event)}${pairs.join('')}\n`);
  };
}

/** What could be taken for another field or another line is written as JSON. */
function bare(value: Printable | undefined): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value ?? null);
}
