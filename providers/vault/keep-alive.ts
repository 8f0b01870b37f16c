import type { Clock } from '../../src/clock.js';
import type { Session } from './session.js';

/**
 * Renews a login in time that nobody here can make anew: a token of somebody else's, which may live an hour while
 * secrets are read once a day. Other logins need no timer: they are repeated when a read finds them lapsed.
 */
export interface KeepAlive {
  /** Call it after each use of the session. */
  arm(): void;
  stop(): void;
}

/** Its timers do not keep the process alive. */
export function createKeepAlive(session: Session, clock: Clock): KeepAlive {
  let cancel: (() => void) | undefined;
  let stopped = false;

  function arm(): void {
    const waitMs = session.renewalDueInMs();
    if (stopped || cancel !== undefined || waitMs === undefined) return;
    cancel = clock.setTimer(() => {
      cancel = undefined;
      // A failure is told where the session meets it, or by the next read.
      session.token().then(arm, arm);
    }, waitMs);
  }

  return {
    arm,
    stop() {
      stopped = true;
      cancel?.();
      cancel = undefined;
    },
  };
}
