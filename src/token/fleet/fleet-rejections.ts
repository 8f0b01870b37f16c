import type { AccessToken } from '../../access-token.js';
import type { Clock } from '../../clock.js';

const MIN_AGE_MS = 60_000;
const INTERVAL_MS = 300_000;

/** A 401 renews neither a token that was just made, nor more often than every five minutes in the whole fleet. */
export interface RejectionLimit {
  /**
   * @param rejectionRenewedAt what the document says of the last time, the servers' clock
   * @param clockOffsetMs the servers' clock less this machine's
   */
  isTooSoon(refused: AccessToken, rejectionRenewedAt: number | undefined, clockOffsetMs: number): boolean;
  /** The same without a document, for this process alone; if it is not too soon, it counts as a renewal. */
  isTooSoonAlone(refused: AccessToken): boolean;
}

export function createRejectionLimit(clock: Clock): RejectionLimit {
  /** When this process last exchanged without a claim because of a rejected token; monotonic. */
  let aloneAt: number | undefined;

  function isTooSoon(refused: AccessToken, rejectionRenewedAt: number | undefined, clockOffsetMs: number): boolean {
    // A moment in the future is somebody's wrong clock, and no reason to wait for it.
    const within = (time: number, ms: number) => Math.abs(clock.now() + clockOffsetMs - time) < ms;
    return (
      within(refused.issuedAt + clockOffsetMs, MIN_AGE_MS) ||
      (rejectionRenewedAt !== undefined && within(rejectionRenewedAt, INTERVAL_MS))
    );
  }

  return {
    isTooSoon,
    isTooSoonAlone(refused) {
      const isRecent = aloneAt !== undefined && clock.monotonic() - aloneAt < INTERVAL_MS;
      if (isRecent || isTooSoon(refused, undefined, 0)) return true;
      aloneAt = clock.monotonic();
      return false;
    },
  };
}
