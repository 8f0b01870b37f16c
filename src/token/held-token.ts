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
  /** The token; one promise for all calls. */
  readonly settled: Promise<AccessToken>;
  readonly from: TokenFrom;
  readonly lifeMs: number;
  readonly schedule: RenewalSchedule;
  /** When it came, Unix milliseconds. */
  readonly renewedAt: number;
  ageMs(): number;
  phase(): TokenPhase;
}

/** What the two clocks may differ by before one of them was moved or stood still. */
const TOLERANCE_MS = 2000;

/**
 * An age that goes on from `ageMs`. The wall clock may be set back, the monotonic one stands still while a machine sleeps:
 * whichever has gone further since the last look counts, so that the one does not hide the other.
 */
function countAge(ageMs: number, clock: Clock): () => number {
  let counted = ageMs;
  let wallAt = clock.now();
  let monotonicAt = clock.monotonic();
  return () => {
    const byWall = clock.now() - wallAt;
    const byMonotonic = clock.monotonic() - monotonicAt;
    const age = counted + Math.max(byWall, byMonotonic);
    if (Math.abs(byWall - byMonotonic) > TOLERANCE_MS) {
      counted = age;
      wallAt += byWall;
      monotonicAt += byMonotonic;
    }
    return age;
  };
}

/**
 * @param requestedAt the monotonic clock when the token was asked for
 * @param random a number in [0, 1), kept for the process so that its soft point stays where it is
 */
export function holdToken(
  from: TokenFrom,
  requestedAt: number,
  clock: Clock,
  policy: RenewalPolicy,
  random: number,
): HeldToken {
  const { token } = from;
  const lifeMs = token.expiresAt - token.issuedAt;
  const renewedAt = clock.now();
  const schedule = renewalSchedule(policy, lifeMs, random);
  // A token that others made is older than this renewal.
  const ageMs = countAge(Math.max(clock.monotonic() - requestedAt, renewedAt - token.issuedAt), clock);
  const settled = Promise.resolve(token);
  return {
    token,
    settled,
    from,
    lifeMs,
    schedule,
    renewedAt,
    ageMs,
    phase: () => phaseAt(schedule, ageMs()),
  };
}
