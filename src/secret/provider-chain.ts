import { type ErrorCode, ImsvaultError } from '../errors.js';
import type { CredentialSource } from './credential-source.js';

/** The two answers that mean "not here"; any other error could hide the right credential behind a wrong one. */
const NOT_HERE: ReadonlySet<ErrorCode> = new Set(['ERR_SECRET_NOT_FOUND', 'ERR_PROVIDER_NOT_CONFIGURED']);

/** Whether a chain goes on past an error. */
export function isNotHere(error: unknown): boolean {
  return error instanceof ImsvaultError && NOT_HERE.has(error.code);
}

/**
 * Asks each link in its order and takes the first credential. It goes on past "not found" and "not configured" only;
 * every call starts at the first link again.
 */
export function createProviderChain(links: readonly CredentialSource[]): CredentialSource {
  return {
    name: 'chain',
    async readCredential(options) {
      const failures: { name: string; error: ImsvaultError }[] = [];
      for (const link of links) {
        try {
          return await link.readCredential(options);
        } catch (error) {
          // The caller's own reason may be one of our errors too.
          if (options?.signal?.aborted) throw options.signal.reason;
          if (!(error instanceof ImsvaultError)) throw error;
          failures.push({ name: link.name, error });
          if (!isNotHere(error)) throw stopped(failures, links.length);
        }
      }
      throw stopped(failures, links.length);
    },
  };
}

/** The last link's error decides the code; the text tells what each link said. */
function stopped(failures: { name: string; error: ImsvaultError }[], total: number): ImsvaultError {
  const last = failures.at(-1)?.error as ImsvaultError;
  const lines = failures.map(({ name, error }, index) => `${index + 1}. ${name}: ${error.code} ${error.message}`);
  const untried = total - failures.length;
  const head =
    untried > 0
      ? `the chain stopped at link ${failures.length} of ${total}`
      : 'no link of the chain has the credential';
  return new ImsvaultError(last.code, `${head}:\n  ${lines.join('\n  ')}`, {
    retryable: last.retryable,
    cause: last,
    hint: last.hint,
    retryAfterMs: last.retryAfterMs,
  });
}
