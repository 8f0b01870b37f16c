import type { Clock } from '../clock.js';

/** A timer does not see that a clock was set or that the machine slept: it wakes at least this often to look. */
const MAX_SLEEP_MS = 60_000;

/**
 * The least time between two renewals that nobody asked for, in milliseconds: whatever goes wrong, IMS and the store
 * get at most one try a minute for a token of an hour or more, and one a second for a token of a minute.
 */
export function backgroundInterval(lifeMs: number): number {
  return Math.min(Math.max(lifeMs / 60, 1000), 60_000);
}

/** Wakes when a renewal is due, without anybody asking for a token. Keeps no process alive. */
export interface BackgroundRenewal {
  /** Looks anew when the next renewal is due. */
  arm(): void;
  stop(): void;
}

/**
 * @param dueInMs milliseconds until the next renewal; undefined: there is nothing to wait for until the next `arm`
 * @param renew begins a renewal, whose end must call `arm`
 */
export function createBackgroundRenewal(
  clock: Clock,
  dueInMs: () => number | undefined,
  renew: () => void,
): BackgroundRenewal {
  let cancel: (() => void) | undefined;

  function stop(): void {
    cancel?.();
    cancel = undefined;
  }

  function arm(): void {
    stop();
    const left = dueInMs();
    // Whole milliseconds: a timer that fires a fraction too early would fire again and again.
    if (left !== undefined) cancel = clock.setTimer(wake, Math.min(Math.ceil(left), MAX_SLEEP_MS));
  }

  function wake(): void {
    const left = dueInMs();
    if (left !== undefined && left <= 0) renew();
    else arm();
  }

  return { arm, stop };
}
