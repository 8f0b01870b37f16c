import { type ErrorCode, ImsvaultError, type VendorCause, vendorCause } from '../../src/errors.js';
import { parseRetryAfter } from '../../src/retry.js';
import type { VaultAnswer } from './transport.js';

/** Vault's own error texts, for comparisons only: they can quote what was sent. */
function errorTexts({ body }: VaultAnswer): string[] {
  const errors = typeof body === 'object' && body !== null ? (body as { errors?: unknown }).errors : undefined;
  return Array.isArray(errors) ? errors.filter((text) => typeof text === 'string') : [];
}

/** When the answer was written, Unix milliseconds by the server's clock. */
export function serverTime({ headers }: VaultAnswer): number | undefined {
  const time = Date.parse(headers.date ?? '');
  return Number.isNaN(time) ? undefined : time;
}

export function isUnserved(answer: VaultAnswer): boolean {
  return errorTexts(answer).some((text) => text.includes('no handler for route'));
}

/** Of the value; "does" of the metadata. */
const MISMATCH = /check-and-set parameter (did|does) not match/;
const UPGRADING = 'Upgrading from non-versioned';

/** A 400 by Vault that does not pass by itself. */
export function isRefusal(answer: VaultAnswer): boolean {
  const texts = errorTexts(answer);
  const passes = texts.some((text) => MISMATCH.test(text) || text.startsWith(UPGRADING));
  return answer.status === 400 && texts.length > 0 && !passes;
}

/** A listener's or a proxy's 413, or `physical.ErrValueTooLarge` of the server's storage. */
export function isTooLarge(answer: VaultAnswer): boolean {
  return answer.status === 413 || errorTexts(answer).some((text) => text.includes('value being too large'));
}

/** Its status and request id. */
export function answerCause({ status, body }: VaultAnswer): VendorCause {
  const { request_id: requestId } = (body ?? {}) as { request_id?: unknown };
  return vendorCause({ name: 'VaultError' }, { status, ...(typeof requestId === 'string' ? { requestId } : {}) });
}

export function answerError(code: ErrorCode, message: string, hint: string | undefined, answer: VaultAnswer) {
  return new ImsvaultError(code, message, { cause: answerCause(answer), hint });
}

/**
 * What an answer means wherever it comes: the server is busy, sealed, broken, or not a Vault server.
 * @param place what was asked, for the error's text
 * @param now wall clock, Unix milliseconds
 */
export function unavailable(answer: VaultAnswer, place: string, now: number): ImsvaultError {
  const { status } = answer;
  const { message, hint, retryable = true } = reason(answer);
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], serverTime(answer) ?? now);
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${place}: ${message} (${status})`, {
    retryable,
    cause: answerCause(answer),
    hint,
    retryAfterMs,
  });
}

function reason(answer: VaultAnswer): { message: string; hint?: string; retryable?: boolean } {
  const { status } = answer;
  if (errorTexts(answer).some((text) => text.includes('is sealed'))) {
    return { message: 'the server is sealed', hint: 'Somebody must unseal it: `vault operator unseal`.' };
  }
  if (errorTexts(answer).some((text) => text.startsWith(UPGRADING))) {
    return { message: 'the mount is being upgraded to KV version 2' };
  }
  // Seen only where a read gives the expected version all the same.
  if (errorTexts(answer).some((text) => MISMATCH.test(text))) {
    return { message: 'another write came between, or this node answers reads late' };
  }
  if (status === 412) return { message: 'this node has not yet seen the latest write' };
  if (status === 429) return { message: 'too many requests', hint: 'A rate limit quota applies here.' };
  if (status === 472 || status === 473) {
    return { message: 'this node is a standby that serves no reads', hint: 'Set address to the active cluster.' };
  }
  if (status === 503) return { message: 'the server is in maintenance or sealed' };
  if (status === 404) {
    return {
      message: "the answer is not one of Vault's",
      hint: 'What answered is not Vault: check the address and the proxy.',
      retryable: false,
    };
  }
  if (status >= 500) return { message: 'the server failed', hint: "The server's own log says why." };
  return {
    message: status < 300 ? "the answer is not one of Vault's" : 'unexpected answer',
    hint: 'Check the address: it must be that of a Vault or OpenBao server, without /v1.',
    retryable: false,
  };
}
