import type { Clock } from '../../clock.js';
import type { RenewalClaim, SharedFailure } from './token-document.js';

/** When a claim or a failure of another process was first seen. */
export interface Sighting {
  /** The claim's or the failure's. */
  id: string;
  /** Which start of the machine `uptimeMs` counts from. */
  bootId: string;
  uptimeMs: number;
}

/** Keeps sightings beyond the process, so that one that runs for a moment only does not start to count anew. Never throws. */
export interface SightingMemory {
  readonly bootId: string;
  /** Milliseconds since this machine started, the same for all of its processes. */
  uptimeMs(): number;
  load(): readonly Sighting[];
  /** All that are worth keeping: at most 8. */
  save(sightings: readonly Sighting[]): void;
}

/**
 * Watches claims and failures of others by this machine's own monotonic clock: a claim that stands still for its ttl is
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

export function createClaimWatch(clock: Clock, memory?: SightingMemory): ClaimWatch {
  const uptimeMs = memory === undefined ? () => clock.monotonic() : () => memory.uptimeMs();
  let seen: Map<string, number> | undefined;

  function sightings(): Map<string, number> {
    if (seen !== undefined) return seen;
    const ofThisBoot = memory?.load().filter(({ bootId }) => bootId === memory.bootId) ?? [];
    // One that lies in the future would keep a dead claim alive.
    const plausible = ofThisBoot.filter((sighting) => sighting.uptimeMs <= uptimeMs());
    seen = new Map(plausible.slice(-REMEMBERED).map((sighting) => [sighting.id, sighting.uptimeMs]));
    return seen;
  }

  function left(id: string, lifeMs: number): number {
    const known = sightings();
    const at = known.get(id) ?? uptimeMs();
    if (!known.has(id)) {
      known.set(id, at);
      const [oldest] = known.keys();
      if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
      memory?.save([...known].map(([id, uptimeMs]) => ({ id, bootId: memory.bootId, uptimeMs })));
    }
    return Math.max(0, at + lifeMs - uptimeMs());
  }

  return {
    claimLeftMs: ({ id, ttlMs }) => left(id, ttlMs),
    failureLeftMs: ({ id, retryAfterMs }) => left(id, retryAfterMs),
  };
}
