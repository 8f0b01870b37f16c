import pino from 'pino';
import type { WriteLine } from './log.js';

/** One JSON object a line: pino's, with the level by its name, and without the process and the host. */
export function createJsonLog(destination: (line: string) => void): WriteLine {
  const logger = pino(
    {
      base: null,
      // The record brings its own, by the clock that was given.
      timestamp: false,
      level: 'debug',
      formatters: { level: (label) => ({ level: label }) },
      // Fields are plain data already; pino would take some for an error.
      serializers: { err: (value) => value },
    },
    { write: destination },
  );
  return (level, fields) => logger[level](fields);
}
