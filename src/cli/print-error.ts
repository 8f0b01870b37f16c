import { ConfigInvalidError, ImsvaultError, TokenRequestRejectedError } from '../errors.js';
import { printable } from '../terminal-text.js';
import type { Io } from './io.js';

export interface ErrorFormat {
  json: boolean;
  debug: boolean;
}

/** What keeps the process from the end of its command. Its text is ours. */
class ProcessFailed extends Error {}

/** stdout took no more, for another reason than that nobody reads it. */
export class OutputFailed extends ProcessFailed {
  constructor(code: string | undefined) {
    super(`stdout could not be written (${code ?? 'unknown error'})`);
    this.name = 'OutputFailed';
  }
}

/** Nothing is left that could go on, and the command has not ended. */
export class Unfinished extends ProcessFailed {
  constructor() {
    super(
      'ended before it was done: something waits for a promise that never settles, ' +
        "most likely the config module's or a provider module's",
    );
    this.name = 'Unfinished';
  }
}

/** One line with code and hint, or one JSON object; on stderr either way. */
export function printError(error: unknown, io: Pick<Io, 'stderr'>, format: ErrorFormat): void {
  const stack = format.debug && error instanceof Error ? stackFrames(error) : undefined;
  if (format.json) {
    const document = { ...errorDocument(error), ...(stack === undefined ? {} : { stack }) };
    io.stderr(`${JSON.stringify({ error: document })}\n`);
    return;
  }
  if (error instanceof ImsvaultError) {
    const end = /[.!?:]$/.test(error.message) ? '' : '.';
    const hint = error.hint === undefined ? '' : ` ${error.hint}`;
    io.stderr(`imsvault: ${error.code}: ${printable(error.message)}${end}${printable(hint)}\n`);
  } else if (error instanceof ProcessFailed) {
    io.stderr(`imsvault: ${error.message}\n`);
  } else {
    // An unexpected error's text is not ours, so what it quotes is unknown.
    io.stderr(`imsvault: unexpected ${nameOf(error)}; this is a bug. Run again with --debug and report the stack.\n`);
  }
  if (stack !== undefined) io.stderr(`  ${stack.join('\n  ')}\n`);
}

/** Something odd that stops nothing: a line of text, or of JSON where errors are JSON. */
export function printWarning(message: string, io: Pick<Io, 'stderr'>, output: string): void {
  io.stderr(
    output === 'json' ? `${JSON.stringify({ warning: message })}\n` : `imsvault: warning: ${printable(message)}\n`,
  );
}

/** The error's public fields, in the words of RFC 6749 where it has them. */
export function errorDocument(error: unknown): Record<string, unknown> {
  if (error instanceof ProcessFailed) return { code: 'ERR_UNEXPECTED', message: error.message };
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

/** Where, without what: the message of a foreign error, and what it carries, may quote anything. */
function stackFrames(error: Error): string[] {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const { cause } = error;
  const isSafe = error instanceof ImsvaultError && !(cause instanceof Error);
  const causes = cause === undefined ? [] : [`caused by ${isSafe ? JSON.stringify(cause) : nameOf(cause)}`];
  return [nameOf(error), ...frames.map((line) => line.trim()), ...causes];
}
