import type { ImsFault } from '../testing/index.js';

/** For the help and the errors of `--fault`. */
export const FAULT_ARGUMENTS =
  'latency:MS, throttled[:RETRY_AFTER], internal_error, unavailable[:RETRY_AFTER], response:STATUS, truncated, hang, ' +
  'reset, slow:MS, redirect:URL, huge:BYTES';

/**
 * The faults that a command line can say: those with one argument at most.
 * @returns undefined where `text` is none of {@link FAULT_ARGUMENTS}
 */
export function parseFault(text: string): ImsFault | undefined {
  const [, kind, argument] = /^([a-z_]+)(?::([\x20-\x7e]+))?$/.exec(text) ?? [];
  const number = /^\d{1,9}$/.test(argument ?? '') ? Number(argument) : undefined;
  switch (kind) {
    case 'internal_error':
    case 'truncated':
    case 'hang':
    case 'reset':
      return argument === undefined ? { kind } : undefined;
    case 'throttled':
    case 'unavailable':
      return argument === undefined ? { kind } : { kind, retryAfter: argument };
    case 'redirect':
      return argument === undefined ? undefined : { kind, location: argument };
    case 'latency':
      return number === undefined ? undefined : { kind, ms: number };
    case 'slow':
      return number === undefined ? undefined : { kind, intervalMs: number };
    case 'huge':
      // It is made in memory.
      return number === undefined || number > 100_000_000 ? undefined : { kind, bytes: number };
    case 'response':
      return number === undefined || number < 200 || number > 599 ? undefined : { kind, status: number };
    default:
      return undefined;
  }
}
