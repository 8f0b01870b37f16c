import type { Clock } from '../../src/clock.js';

export interface ManualClock extends Clock {
  /** Moves wall and monotonic time on, firing due timers in their order; lets promises settle between them. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as setting the machine's time does. */
  jump(ms: number): void;
  /** How many timers wait. */
  readonly pending: number;
}

/** Lets everything that is already resolved run its course. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A clock that stands still until a test moves it. */
export function createManualClock(startMs = Date.UTC(2030, 0, 1)): ManualClock {
  let wall = startMs;
  let mono = 0;
  let sequence = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  return {
    now: () => wall,
    monotonic: () => mono,
    setTimer(callback, delayMs) {
      const id = ++sequence;
      timers.set(id, { at: mono + Math.max(0, delayMs), callback });
      return () => timers.delete(id);
    },
    async advance(ms) {
      const end = mono + ms;
      await settle();
      for (;;) {
        const next = [...timers]
          .filter(([, timer]) => timer.at <= end)
          .sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
        if (next === undefined) break;
        const [id, timer] = next;
        timers.delete(id);
        wall += timer.at - mono;
        mono = timer.at;
        timer.callback();
        await settle();
      }
      wall += end - mono;
      mono = end;
    },
    jump(ms) {
      wall += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
