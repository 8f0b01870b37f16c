import type { Clock } from '../clock.js';
import type { TokenProvider } from '../token-provider.js';

/** This many renewals may be asked for at once … */
const BURST = 3;
/** … and one more in each of these. */
const REFILL_MS = 60_000;

/** Keeps clients from making an exchange out of each refused call to an API. */
export interface RenewalLimit {
  /** @returns undefined, and it is counted; or the milliseconds until the next one may be asked for */
  take(provider: TokenProvider): number | undefined;
}

export function createRenewalLimit(clock: Clock): RenewalLimit {
  /** When the last permit of each profile will have come back, monotonic. A reload brings new providers. */
  const fullAt = new WeakMap<TokenProvider, number>();
  return {
    take(provider) {
      const now = clock.monotonic();
      const next = Math.max(fullAt.get(provider) ?? now, now) + REFILL_MS;
      const waitMs = next - now - BURST * REFILL_MS;
      if (waitMs > 0) return waitMs;
      fullAt.set(provider, next);
      return undefined;
    },
  };
}
