import type { Clock } from '../clock.js';
import { ImsvaultError } from '../errors.js';

/** Pauses between failed renewals: 1 s at first, doubling, at most 5 min. Source: Vault agent's back-off. */
const BASE_MS = 1000;
const MAX_MS = 300_000;
/** Without a usable token callers fail meanwhile, so these pauses stay short. */
const MAX_WITHOUT_TOKEN_MS = 30_000;

/** Keeps a failing renewal from being repeated by every call. */
export interface FailurePause {
  /** Milliseconds until a renewal may begin; 0 when it may now. */
  leftMs(hasUsableToken: boolean): number;
  /** The error to answer with instead of trying again now, if one should. */
  refusal(hasUsableToken: boolean): unknown;
  /** @param hadUsableToken whether it had a token to fall back on, and so need not have tried everything */
  failed(error: unknown, hadUsableToken?: boolean): void;
  succeeded(): void;
}

export function createFailurePause(clock: Clock, random: () => number): FailurePause {
  let failures = 0;
  /** Those of them that had no token to fall back on. */
  let coldFailures = 0;
  let lastError: unknown;
  let failedAt = 0;
  let fraction = 0;
  /** Another process renews: no failure, but nothing to do here before then. */
  let postponed: { error: ImsvaultError; until: number } | undefined;

  function pauseMs(hasUsableToken: boolean): number {
    // A caller without a token may try again at once after a first failure: it may be a single hiccup.
    const doublings = hasUsableToken ? failures - 1 : coldFailures - 2;
    if (doublings < 0) return 0;
    const upTo = Math.min(BASE_MS * 2 ** doublings, hasUsableToken ? MAX_MS : MAX_WITHOUT_TOKEN_MS);
    const wish = lastError instanceof ImsvaultError ? (lastError.retryAfterMs ?? 0) : 0;
    return Math.max(upTo * (0.5 + fraction / 2), hasUsableToken ? Math.min(wish, MAX_MS) : 0);
  }

  function failureLeftMs(hasUsableToken: boolean): number {
    return Math.max(0, failedAt + pauseMs(hasUsableToken) - clock.monotonic());
  }

  function postponedLeftMs(hasUsableToken: boolean): number {
    return hasUsableToken && postponed !== undefined ? Math.max(0, postponed.until - clock.monotonic()) : 0;
  }

  return {
    leftMs: (hasUsableToken) => Math.max(failureLeftMs(hasUsableToken), postponedLeftMs(hasUsableToken)),
    refusal(hasUsableToken) {
      if (postponedLeftMs(hasUsableToken) > 0) return postponed?.error;
      return failureLeftMs(hasUsableToken) > 0 ? lastError : undefined;
    },
    failed(error, hadUsableToken = false) {
      const othersRenew = error instanceof ImsvaultError && error.code === 'ERR_TOKEN_WAIT_TIMEOUT';
      if (othersRenew && hadUsableToken) {
        postponed = { error, until: clock.monotonic() + (error.retryAfterMs ?? 0) };
        return;
      }
      failures++;
      // Who waits for others in vain has paused by that.
      if (!hadUsableToken && !othersRenew) coldFailures++;
      lastError = error;
      failedAt = clock.monotonic();
      fraction = random();
    },
    succeeded() {
      failures = 0;
      coldFailures = 0;
      lastError = undefined;
      postponed = undefined;
    },
  };
}
