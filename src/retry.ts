import { type Clock, sleep } from './clock.js';

export interface RetryPolicy {
  /** Tries in all, the first included. Integer ≥ 1. */
  maxAttempts: number;
  /** Upper bound of the first delay, in milliseconds; it doubles with each further one. */
  baseDelayMs: number;
  /** Upper bound of any delay, in milliseconds; a server's Retry-After is capped by `maxRetryAfterMs` instead. */
  maxDelayMs: number;
  /** Upper bound on a server's Retry-After, in milliseconds. */
  maxRetryAfterMs: number;
}

/**
 * Full jitter: a delay between 0 and the doubled bound, so that many clients do not come back together.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog.
 * @param failures how many tries have failed so far, ≥ 1
 * @param random a number in [0, 1)
 * @returns milliseconds
 */
export function fullJitterDelay(
  policy: Pick<RetryPolicy, 'baseDelayMs' | 'maxDelayMs'>,
  failures: number,
  random: number,
): number {
  return random * Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (failures - 1));
}

/**
 * The wait that a Retry-After header asks for (RFC 9110 §10.2.3: seconds or an HTTP date).
 * @param now wall clock, Unix milliseconds; prefer the server's own `Date` where the answer has one
 * @returns milliseconds ≥ 0, or undefined when the header is absent or makes no sense
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  // Date.parse alone would take "-5" or "1e3" for a year.
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  // asctime's form names no zone, and means UTC (RFC 9110 §5.6.7).
  const date = Date.parse(/ \d{4}$/.test(text) ? `${text} GMT` : text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

export interface RetryDecision {
  retry: boolean;
  /** The server's own wish, in milliseconds. */
  retryAfterMs?: number | undefined;
}

export interface RetryContext {
  policy: RetryPolicy;
  clock: Clock;
  random: () => number;
  /** Looks at an error and says whether another try makes sense. */
  decide: (error: unknown) => RetryDecision;
  signal?: AbortSignal | undefined;
  /** Milliseconds that are left for all tries; a wait that would not fit is not begun. */
  remainingMs?: () => number;
  /** Told before each wait. */
  onRetry?: (error: unknown, delayMs: number, capped: boolean) => void;
}

/**
 * Runs `attempt` until it succeeds, its error is final, or the policy's tries are used up.
 * @throws the last error, or `signal.reason` once `signal` aborts
 */
export async function runWithRetry<T>(attempt: (number: number) => Promise<T>, context: RetryContext): Promise<T> {
  const { policy, clock, random, decide, signal, remainingMs, onRetry } = context;
  for (let number = 1; ; number++) {
    signal?.throwIfAborted();
    try {
      return await attempt(number);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const { retry, retryAfterMs } = decide(error);
      if (!retry || number >= policy.maxAttempts) throw error;
      const wish = retryAfterMs ?? 0;
      // Jitter comes on top of Retry-After: everybody who was refused was told the same number.
      const delayMs = Math.min(wish, policy.maxRetryAfterMs) + fullJitterDelay(policy, number, random());
      if (remainingMs !== undefined && delayMs >= remainingMs()) throw error;
      onRetry?.(error, delayMs, wish > policy.maxRetryAfterMs);
      await sleep(clock, delayMs, signal);
    }
  }
}
