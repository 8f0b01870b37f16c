import type { Clock } from '../../clock.js';

/** How often it is tried, in milliseconds. */
const INTERVAL_MS = 300_000;

/**
 * While the others wait out a failure for as long as the store's versions ask for, the process that met it looks
 * whether IMS is back: without a claim, which costs the store nothing.
 */
export interface FailureProbe {
  /** This process has told the others of this failure. */
  shared(id: string): void;
  /** Whether this process is to try now; where it is, the next time is an interval later. */
  isDue(id: string): boolean;
}

export function createFailureProbe(clock: Clock): FailureProbe {
  let own: { id: string; at: number } | undefined;
  return {
    shared(id) {
      own = { id, at: clock.monotonic() };
    },
    isDue(id) {
      if (own?.id !== id || clock.monotonic() - own.at < INTERVAL_MS) return false;
      own.at = clock.monotonic();
      return true;
    },
  };
}
