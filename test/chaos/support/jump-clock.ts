import { type Clock, systemClock } from '../../../src/clock.js';

/** The machine's clocks, that can be moved on: sockets live in real time, tokens age in no time. */
export interface JumpClock extends Clock {
  /** Timers that are due then fire. */
  advance(ms: number): void;
  /** From now on a wait of so long, or up to 1 s longer, is over at once; undefined: no longer. */
  skip(waitMs: number | undefined): void;
}

export function createJumpClock(): JumpClock {
  let ahead = 0;
  let skipped = Number.POSITIVE_INFINITY;
  const waiting = new Set<{ restart: () => void }>();
  const monotonic = () => systemClock.monotonic() + ahead;

  function advance(ms: number): void {
    ahead += ms;
    for (const { restart } of [...waiting]) restart();
  }

  return {
    advance,
    skip: (waitMs = Number.POSITIVE_INFINITY) => {
      skipped = waitMs;
    },
    now: () => systemClock.now() + ahead,
    monotonic,
    setTimer(callback, delayMs, options) {
      const dueAt = monotonic() + delayMs;
      let cancel = () => {};
      const timer = {
        restart() {
          cancel();
          const fire = () => {
            waiting.delete(timer);
            callback();
          };
          cancel = systemClock.setTimer(fire, dueAt - monotonic(), options);
        },
      };
      waiting.add(timer);
      timer.restart();
      if (delayMs >= skipped && delayMs < skipped + 1000) setImmediate(() => advance(delayMs));
      return () => {
        waiting.delete(timer);
        cancel();
      };
    },
  };
}
