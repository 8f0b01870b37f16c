import type { Clock } from '../clock.js';

/** Calls that one look at the clock is good for. */
const CALLS = 64;

/**
 * Spares most calls the look at the clock, which costs as much as all the rest of a call: within one turn of the event
 * loop next to no time passes. The number bounds what a long turn hands out unseen; the margins of a fresh token
 * cover its length.
 */
export interface TurnCredit {
  /** True where the clock need not be read for this call. */
  take(): boolean;
  /** The clock was just read, and what is handed out is good for far longer than a turn. */
  grant(): void;
  revoke(): void;
}

/** Gives none where the clock does not know when a turn ends. */
export function createTurnCredit(clock: Clock): TurnCredit {
  let left = 0;
  let isArmed = false;

  function turnEnded(): void {
    isArmed = false;
    left = 0;
  }

  return {
    take() {
      if (left === 0) return false;
      left--;
      return true;
    },
    grant() {
      if (clock.endOfTurn === undefined) return;
      left = CALLS - 1;
      if (isArmed) return;
      isArmed = true;
      clock.endOfTurn(turnEnded);
    },
    revoke() {
      left = 0;
    },
  };
}
