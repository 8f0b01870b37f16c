import { readFileSync } from 'node:fs';

/**
 * Where time comes from. Everything that waits or compares times takes a `Clock`,
 * so tests run on one they move by hand.
 */
export interface Clock {
  /** Wall clock, Unix milliseconds. May jump when the machine's time is set. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never goes back. */
  monotonic(): number;
  /**
   * Calls `callback` once, after `delayMs` milliseconds. The timer alone does not keep the process alive
   * unless `ref` is true.
   * @returns a function that cancels the timer
   */
  setTimer(callback: () => void, delayMs: number, options?: { ref?: boolean }): () => void;
  /**
   * Calls `callback` once, when the present turn of the event loop is over and before the loop waits for anything.
   * A clock without it is read at each call.
   */
  endOfTurn?(callback: () => void): void;
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(callback, delayMs, options) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    if (options?.ref !== true) timer.unref();
    return () => clearTimeout(timer);
  },
  // It stays ref'd: past an unref'd one the loop goes to sleep with the callback still to come.
  endOfTurn: (callback) => void setImmediate(callback),
};

/** Where the machine's current boot stands: the same for all its processes, and not moved when its time is set. */
export interface BootTime {
  /** Another one after each boot. */
  readonly id: string;
  /** Milliseconds since the boot; a machine that sleeps does not count. */
  readonly ms: number;
}

/** Undefined where the system tells no boot from another (all but Linux). */
export function bootTime(): BootTime | undefined {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return { id, ms: Number(process.hrtime.bigint() / 1_000_000n) };
  } catch {
    return undefined;
  }
}

/**
 * Waits `delayMs` milliseconds; somebody is waiting, so the process stays alive meanwhile.
 * @throws `signal.reason` as soon as `signal` aborts
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimer(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      delayMs,
      { ref: true },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
