import { ImsvaultError } from '../../errors.js';

/** Others renew, and their token has not come yet. */
export function waitTimeout(message: string, retryAfterMs: number): ImsvaultError {
  return new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', message, { retryAfterMs });
}

/** What the process that failed would have thrown. */
export function sharedFailure(place: string, code: string, leftMs: number): ImsvaultError {
  const rejected = !code.startsWith('ERR_');
  return new ImsvaultError(
    rejected ? 'ERR_TOKEN_REQUEST_REJECTED' : 'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
    `${place}: the last renewal, by another process, failed with ${code}; the next one is due in ${Math.ceil(leftMs / 1000)} s`,
    { retryAfterMs: leftMs },
  );
}

export function mismatch(place: string): ImsvaultError {
  return new ImsvaultError(
    'ERR_TOKEN_DOCUMENT_MISMATCH',
    `${place}: its document is for another endpoint, scope, organisation or client`,
    { hint: 'Give this profile a token store of its own, or set tokenStore.onMismatch.' },
  );
}
