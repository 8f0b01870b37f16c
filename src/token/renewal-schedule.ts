/** When a token is renewed. Fractions of its life L, and bounds in milliseconds. */
export interface RenewalPolicy {
  /** Whether a token is renewed at its soft point without a call, too. Default true. */
  background: boolean;
  /** Earliest soft point, as a fraction of L in (0, 1). Default 0.8. */
  softFractionMin: number;
  /** Latest soft point; each process takes a random one between, so that they do not come together. Default 0.9. */
  softFractionMax: number;
  /** Callers wait for a renewal from this long before expiry, but at most 0.1 L. Default 300000. */
  hardMarginMs: number;
  /** The token is not served any more from this long before expiry, but at most 0.05 L. Default 60000. */
  floorMarginMs: number;
}

export const DEFAULT_RENEWAL: RenewalPolicy = {
  background: true,
  softFractionMin: 0.8,
  softFractionMax: 0.9,
  hardMarginMs: 300_000,
  floorMarginMs: 60_000,
};

/** Ages of a token, in milliseconds since it was asked for. */
export interface RenewalSchedule {
  /** From here on it is renewed in the background. */
  softMs: number;
  /** From here on callers wait for the renewal. */
  hardMs: number;
  /** From here on it is not served. */
  floorMs: number;
}

/** `fresh` < `soft` < `hard` < `expired`: what a token of some age is good for. */
export type TokenPhase = 'fresh' | 'soft' | 'hard' | 'expired';

/**
 * @param lifeMs from issue to expiry, milliseconds
 * @param random a number in [0, 1)
 */
export function renewalSchedule(policy: RenewalPolicy, lifeMs: number, random: number): RenewalSchedule {
  const floorMs = lifeMs - Math.min(policy.floorMarginMs, 0.05 * lifeMs);
  const hardMs = Math.min(lifeMs - Math.min(policy.hardMarginMs, 0.1 * lifeMs), floorMs);
  const fraction = policy.softFractionMin + random * (policy.softFractionMax - policy.softFractionMin);
  return { softMs: Math.min(Math.round(fraction * lifeMs), hardMs), hardMs, floorMs };
}

export function phaseAt(schedule: RenewalSchedule, ageMs: number): TokenPhase {
  if (ageMs < schedule.softMs) return 'fresh';
  if (ageMs < schedule.hardMs) return 'soft';
  return ageMs < schedule.floorMs ? 'hard' : 'expired';
}
