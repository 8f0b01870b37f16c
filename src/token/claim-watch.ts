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

/** A stale read may show an older one again, and must not start the count anew. */
const REMEMBERED = 8;

export function createClaimWatch(clock: Clock): ClaimWatch {
  const claims = new Map<string, number>();
  const failures = new Map<string, number>();

  function left(seen: Map<string, number>, id: string, lifeMs: number): number {
    const at = seen.get(id) ?? clock.monotonic();
    seen.set(id, at);
    const [oldest] = seen.keys();
    if (seen.size > REMEMBERED && oldest !== undefined) seen.delete(oldest);
    return Math.max(0, at + lifeMs - clock.monotonic());
  }

  return {
    claimLeftMs: ({ id, ttlMs }) => left(claims, id, ttlMs),
    failureLeftMs: ({ id, retryAfterMs }) => left(failures, id, retryAfterMs),
  };
}
