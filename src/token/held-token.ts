import type { AccessToken } from '../access-token.js';
import type { Clock } from '../clock.js';
import {
  phaseAt,
  type RenewalPolicy,
  type RenewalSchedule,
  renewalSchedule,
  type TokenPhase,
} from './renewal-schedule.js';

/** A token, and where it came from. */
export interface TokenFrom {
  token: AccessToken;
  /** The provider that had the credential, or `token-store`. */
  source: string;
  /** In the token store; undefined for a token that is not there. */
  generation?: number | undefined;
}

/** A token in memory, and what is needed to know its age. */
export interface HeldToken {
  readonly token: AccessToken;
  readonly from: TokenFrom;
  /** Rises with each renewal: a late result never replaces a newer one. */
  readonly sequence: number;
  readonly lifeMs: number;
  readonly schedule: RenewalSchedule;
  /** When it came, Unix milliseconds. */
  readonly renewedAt: number;
  ageMs(): number;
  phase(): TokenPhase;
}

/**
 * @param requestedAt the monotonic clock when the token was asked for
 * @param random a number in [0, 1), kept for the process so that its soft point stays where it is
 */
export function holdToken(
  from: TokenFrom,
  sequence: number,
  requestedAt: number,
  clock: Clock,
  policy: RenewalPolicy,
  random: number,
): HeldToken {
  const { token } = from;
  const lifeMs = token.expiresAt - token.issuedAt;
  const renewedAt = clock.now();
  // A token that others made is older than this renewal.
  const bornAt = Math.min(requestedAt, clock.monotonic() - (renewedAt - token.issuedAt));
  const schedule = renewalSchedule(policy, lifeMs, random);
  // Both clocks count: the wall clock may be set back, the monotonic one stands still while a machine sleeps.
  const ageMs = () => Math.max(clock.monotonic() - bornAt, clock.now() - token.issuedAt);
  return { token, from, sequence, lifeMs, schedule, renewedAt, ageMs, phase: () => phaseAt(schedule, ageMs()) };
}
