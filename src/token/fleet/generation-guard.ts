import type { Clock } from '../../clock.js';
import { ImsvaultError } from '../../errors.js';

/** Nobody renews so often; a forged generation would make readers ignore all that come after it. */
const MAX_RISE = 1000;
/** Who has not looked for longer than this may have missed any number of generations. */
const WINDOW_MS = 3_600_000;

/** Remembers the highest generation that this process has seen. */
export interface GenerationGuard {
  /** 0: none was seen yet. */
  readonly highest: number;
  /** @throws ERR_SECRET_MALFORMED when `generation` has risen by more than 1,000 within an hour */
  check(generation: number, place: string): void;
}

export function createGenerationGuard(clock: Clock): GenerationGuard {
  let highest = 0;
  let seenAt: number | undefined;
  return {
    get highest() {
      return highest;
    },
    check(generation, place) {
      const now = clock.monotonic();
      if (seenAt !== undefined && now - seenAt < WINDOW_MS && generation > highest + MAX_RISE) {
        throw new ImsvaultError('ERR_SECRET_MALFORMED', `${place}: its generation has risen by more than ${MAX_RISE}`, {
          hint: 'Somebody else writes to the token store; delete the document, and check who may write there.',
        });
      }
      if (generation < highest) return;
      highest = generation;
      seenAt = now;
    },
  };
}
