import type { AccessToken } from '../access-token.js';
import type { Clock } from '../clock.js';
import {
  phaseAt,
  type RenewalPolicy,
  type RenewalSchedule,
  renewalSchedule,
  type TokenPhase,
} from './renewal-schedule.js';

/** A token in memory, and what is needed to know its age. */
export interface HeldToken {
  readonly token: AccessToken;
  /** Rises with each renewal: a late result never replaces a newer one. */
  readonly sequence: number;
  readonly lifeMs: number;
  ageMs(): number;
  phase(): TokenPhase;
}

/**
 * @param requestedAt the monotonic clock when the token was asked for
 * @param random a number in [0, 1), kept for the process so that its soft point stays where it is
 */
export function holdToken(
  token: AccessToken,
  sequence: number,
  requestedAt: number,
  clock: Clock,
  policy: RenewalPolicy,
  random: number,
): HeldToken {
  const lifeMs = token.expiresAt - token.issuedAt;
  const schedule: RenewalSchedule = renewalSchedule(policy, lifeMs, random);
  // Both clocks count: the wall clock may be set back, the monotonic one stands still while a machine sleeps.
  const ageMs = () => Math.max(clock.monotonic() - requestedAt, clock.now() - token.issuedAt);
  return { token, sequence, lifeMs, ageMs, phase: () => phaseAt(schedule, ageMs()) };
}
