import type { Clock } from '../clock.js';
import type { TokenProvider } from '../token-provider.js';

/** A provider that knows whether somebody waits for a token of it. */
export interface CountedProvider {
  provider: TokenProvider;
  /** Waits `minMs` milliseconds, and then until nobody does, `maxMs` milliseconds at most. Keeps no process alive. */
  idle(clock: Clock, bounds: { minMs: number; maxMs: number }): Promise<void>;
}

export function countCalls(provider: TokenProvider): CountedProvider {
  let calls = 0;
  let onIdle: (() => void) | undefined;
  return {
    provider: {
      ...provider,
      async getToken(options) {
        calls++;
        try {
          return await provider.getToken(options);
        } finally {
          if (--calls === 0) onIdle?.();
        }
      },
    },
    async idle(clock, { minMs, maxMs }) {
      await new Promise<void>((resolve) => clock.setTimer(resolve, minMs));
      if (calls === 0) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.setTimer(resolve, maxMs - minMs);
        onIdle = () => {
          cancel();
          resolve();
        };
      });
    },
  };
}
