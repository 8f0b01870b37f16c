import type { Clock } from '../clock.js';
import { ImsvaultError } from '../errors.js';
import type { HeldToken } from './held-token.js';
import type { TokenPhase } from './renewal-schedule.js';
import type { TokenCounters, TokenFailure } from './token-events.js';

/** What a process knows of its token, without the token. Times are Unix milliseconds. */
export interface TokenStatus {
  /**
   * `none`: there was no token yet. `fresh`: served. `soft`: served, and due for renewal. `hard`: callers wait for the
   * renewal, and are served it when that fails. `expired`: not served any more.
   */
  readonly phase: 'none' | TokenPhase;
  /** Whether a renewal runs now. */
  readonly renewing: boolean;
  /** The token held, if there is one. */
  readonly token?: HeldTokenStatus;
  /** Why the last renewal failed; absent after one that did not. */
  readonly lastError?: TokenFailure;
  /** Since the provider was made. */
  readonly counters: TokenCounters;
}

/** The token that a process holds; all times are Unix milliseconds. */
export interface HeldTokenStatus {
  /** The provider that had the credential, or `token-store`. */
  readonly source: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** From here on it is renewed in the background. */
  readonly renewsAt: number;
  /** From here on callers wait for the renewal. */
  readonly hardAt: number;
  /** When this process got it. */
  readonly renewedAt: number;
  /** In the token store; absent for a token that is not there. */
  readonly generation?: number;
}

export function describeHeld({ from, schedule, ageMs, renewedAt }: HeldToken, clock: Clock): HeldTokenStatus {
  const { token, source, generation } = from;
  const bornAt = clock.now() - ageMs();
  return {
    source,
    clientId: token.clientId,
    scope: token.scope,
    issuedAt: token.issuedAt,
    expiresAt: token.expiresAt,
    renewsAt: Math.round(bornAt + schedule.softMs),
    hardAt: Math.round(bornAt + schedule.hardMs),
    renewedAt,
    ...(generation === undefined ? {} : { generation }),
  };
}

/** @param leftMs until the next renewal may begin */
export function describeFailure(error: unknown, now: number, leftMs: number): TokenFailure {
  const known = error instanceof ImsvaultError ? error : undefined;
  return {
    code: known?.code ?? 'ERR_UNEXPECTED',
    // The text of an error that is not ours may quote anything.
    message: known?.message ?? 'unexpected error',
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    retryable: known?.retryable ?? false,
    at: now,
    retryAt: Math.round(now + leftMs),
  };
}
