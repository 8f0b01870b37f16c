import type { Clock } from '../clock.js';
import { DEFAULT_RENEWAL } from '../token/renewal-schedule.js';
import { createTokenEvents, type TokenEvent } from '../token/token-events.js';
import { createTokenManager } from '../token/token-manager.js';
import type { TokenProvider } from '../token-provider.js';
import type { TokenEngine } from './token-engine.js';

export interface ProvideTokensDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  warn: (message: string) => void;
  onEvent: ((event: TokenEvent) => void) | undefined;
}

export interface ProvidedTokens {
  provider: TokenProvider;
  /** Opens the engine now instead of with the first renewal. */
  open(): Promise<TokenEngine>;
}

/**
 * A token provider on an engine that is opened with the first renewal, once. A failure is not kept: the file may have
 * been mended since.
 */
export function provideTokens(
  open: (onEvent: (event: TokenEvent) => void) => Promise<TokenEngine>,
  { clock, random, warn, onEvent }: ProvideTokensDeps,
): ProvidedTokens {
  const events = createTokenEvents(onEvent, warn);
  let engine: Promise<TokenEngine> | undefined;
  let renewal = DEFAULT_RENEWAL;

  function opened(): Promise<TokenEngine> {
    if (engine === undefined) {
      engine = open(events.emit);
      engine.catch(() => {
        engine = undefined;
      });
    }
    return engine;
  }

  const manager = createTokenManager({
    async renew(request, closing) {
      const current = await opened();
      closing.throwIfAborted();
      renewal = current.renewal;
      return current.renew(request, closing);
    },
    clock,
    random,
    get renewal() {
      return renewal;
    },
    onEvent: events.emit,
  });

  const provider: TokenProvider = {
    getToken: manager.getToken,
    peekToken: manager.peekToken,
    status: () => ({ ...manager.status(), counters: events.counters() }),
    async close() {
      manager.close();
      await (await engine?.catch(() => undefined))?.close();
    },
  };
  return { provider, open: opened };
}
