import type { Clock } from '../clock.js';
import { TokenRequestRejectedError } from '../errors.js';
import { type RetryPolicy, runWithRetry } from '../retry.js';
import type { Credential } from '../secret/credential.js';

/** A secret may need a moment until each of IMS's servers knows it. */
const NEW_SECRET_RETRY: RetryPolicy = { maxAttempts: 5, baseDelayMs: 2000, maxDelayMs: 15_000, maxRetryAfterMs: 0 };

export interface ExchangeOnceKnownOptions {
  /** Gets a token with exactly this credential. */
  exchange: (credential: Credential, signal: AbortSignal) => Promise<unknown>;
  clock: Clock;
  random: () => number;
  signal: AbortSignal;
}

/**
 * Exchanges with a client secret that Adobe has just made: up to five times while IMS says `invalid_client`.
 * @throws what the last exchange threw
 */
export async function exchangeOnceKnown(
  credential: Credential,
  { exchange, clock, random, signal }: ExchangeOnceKnownOptions,
): Promise<void> {
  await runWithRetry(() => exchange(credential, signal), {
    policy: NEW_SECRET_RETRY,
    clock,
    random,
    signal,
    decide: (error) => ({ retry: error instanceof TokenRequestRejectedError && error.error === 'invalid_client' }),
  });
}
