import type { Clock } from '../clock.js';
import type { TokenProvider } from '../token-provider.js';
import type { Limit } from './limit.js';

export interface FirstTokensDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** A thousand profiles must not come to their store together. */
  limit: Limit;
}

/** Sees to it that every profile gets its first token; from then on each renews by itself. */
export interface FirstTokens {
  /** @returns ends the attempts */
  fetch(provider: TokenProvider): () => void;
}

const BASE_DELAY_MS = 1000;
const MAX_DELAY_MS = 5 * 60_000;

export function createFirstTokens({ clock, random, limit }: FirstTokensDeps): FirstTokens {
  /** Doubling from 1 s to 5 min, the upper half of it at random, or what the server asked for. */
  function delayMs(failures: number, provider: TokenProvider): number {
    const bound = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** failures);
    const asked = (provider.status().lastError?.retryAt ?? 0) - clock.now();
    return Math.max(asked, bound / 2 + (random() * bound) / 2);
  }

  return {
    fetch(provider) {
      let stopped = false;
      let failures = 0;
      let cancel = (): void => undefined;
      const attempt = async () => {
        if (stopped) return;
        try {
          await provider.getToken();
        } catch {
          // The provider's events have told of it.
          if (!stopped) cancel = clock.setTimer(begin, delayMs(failures++, provider));
        }
      };
      const begin = () => void limit(attempt);
      begin();
      return () => {
        stopped = true;
        cancel();
      };
    },
  };
}
