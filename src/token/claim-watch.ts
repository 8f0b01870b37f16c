import type { Clock } from '../clock.js';
import type { RenewalClaim, SharedFailure } from './token-document.js';

/**
 * Watches claims and failures of others by this process's own monotonic clock: a claim that stands still for its ttl is
 * dead, whatever anybody's wall clock says.
 */
export interface ClaimWatch {
  /** Milliseconds until the claim counts as dead; 0 when it does. */
  claimLeftMs(claim: RenewalClaim): number;
  /** Milliseconds until a shared failure has been waited out; 0 when it has. */
  failureLeftMs(failure: SharedFailure): number;
}

export function createClaimWatch(clock: Clock): ClaimWatch {
  const seen: { claim?: { id: string; at: number }; failure?: { id: string; at: number } } = {};

  /** Only the newest id matters: an older one never comes back. */
  function firstSeen(kind: 'claim' | 'failure', id: string): number {
    const known = seen[kind];
    if (known?.id === id) return known.at;
    const at = clock.monotonic();
    seen[kind] = { id, at };
    return at;
  }

  const left = (firstSeenAt: number, lifeMs: number) => Math.max(0, firstSeenAt + lifeMs - clock.monotonic());
  return {
    claimLeftMs: ({ id, ttlMs }) => left(firstSeen('claim', id), ttlMs),
    failureLeftMs: ({ id, retryAfterMs }) => left(firstSeen('failure', id), retryAfterMs),
  };
}
