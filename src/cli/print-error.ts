import { ConfigInvalidError, ImsvaultError, TokenRequestRejectedError } from '../errors.js';
import type { Io } from './io.js';

export interface ErrorFormat {
  json: boolean;
  debug: boolean;
}

/** One line with code and hint, or one JSON object; on stderr either way. */
export function printError(error: unknown, io: Io, format: ErrorFormat): void {
  if (format.json) {
    io.stderr(`${JSON.stringify({ error: errorDocument(error) })}\n`);
  } else if (error instanceof ImsvaultError) {
    const end = /[.!?:]$/.test(error.message) ? '' : '.';
    io.stderr(`imsvault: ${error.code}: ${error.message}${end}${error.hint === undefined ? '' : ` ${error.hint}`}\n`);
  } else {
    // An unexpected error's text is not ours, so what it quotes is unknown.
    io.stderr(`imsvault: unexpected ${nameOf(error)}; this is a bug. Run again with --debug and report the stack.\n`);
  }
  if (format.debug && error instanceof Error) io.stderr(`${stackFrames(error)}\n`);
}

/** The error's public fields, in the words of RFC 6749 where it has them. */
export function errorDocument(error: unknown): Record<string, unknown> {
  if (!(error instanceof ImsvaultError)) return { code: 'ERR_UNEXPECTED', message: `unexpected ${nameOf(error)}` };
  return {
    code: error.code,
    message: error.message,
    retryable: error.retryable,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.retryAfterMs === undefined ? {} : { retry_after: Math.ceil(error.retryAfterMs / 1000) }),
    ...(error instanceof ConfigInvalidError ? { problems: error.problems } : {}),
    ...(error instanceof TokenRequestRejectedError
      ? {
          error: error.error,
          error_description: error.error_description,
          status: error.status,
          x_debug_id: error.debugId,
        }
      : {}),
  };
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'error';
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? `${error.name} (${code})` : error.name;
}

/** Where, without what: the message of a foreign error may quote anything. */
function stackFrames(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const { cause } = error;
  const causeText =
    cause === undefined ? '' : `\n  caused by ${cause instanceof Error ? nameOf(cause) : JSON.stringify(cause)}`;
  return `  ${nameOf(error)}\n${frames.join('\n')}${causeText}`;
}
