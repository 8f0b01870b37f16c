import type { AccessToken } from '../access-token.js';
import { type Clock, systemClock } from '../clock.js';
import type { TokenProvider } from '../token-provider.js';

/** What the faces need of a token provider. */
export type TokenGiver = Pick<TokenProvider, 'getToken' | 'peekToken'>;

/** A provider, as requests use it. */
export interface TokenSource {
  /** The token that can be used now, without a wait; undefined: {@link get} waits for one. */
  held(): AccessToken | undefined;
  get(signal: AbortSignal | undefined): Promise<AccessToken>;
  /** Another token than the one that was rejected; undefined where it is too soon for one. */
  replace(rejected: AccessToken, signal: AbortSignal | undefined): Promise<AccessToken | undefined>;
}

/**
 * A token that replaced a rejected one is not replaced itself before this age, in milliseconds: when an API refuses it
 * as well, the token is not what is wrong, and each 401 would become an exchange.
 */
const REPLACEMENT_MIN_AGE_MS = 60_000;

/** How often a token that is only peeked at is asked for, in milliseconds: asking starts its renewal when it is time. */
const ASK_INTERVAL_MS = 1000;

/** @throws TypeError when `provider` is none */
export function createTokenSource(provider: TokenGiver, clock: Clock = systemClock): TokenSource {
  if (typeof provider?.getToken !== 'function' || typeof provider.peekToken !== 'function') {
    throw new TypeError('expected a token provider, as createTokenProvider makes it');
  }
  /** When each came, monotonic. */
  const replacements = new WeakMap<AccessToken, number>();
  /** By a timer: a look at the clock costs a request as much as all that is done to it here. */
  let hasAsked = false;

  return {
    held() {
      const token = provider.peekToken();
      if (token !== undefined && !hasAsked) {
        hasAsked = true;
        clock.setTimer(() => {
          hasAsked = false;
        }, ASK_INTERVAL_MS);
        provider.getToken().catch(() => undefined);
      }
      return token;
    },
    get: (signal) => provider.getToken(signal === undefined ? {} : { signal }),
    async replace(rejected, signal) {
      const cameAt = replacements.get(rejected);
      if (cameAt !== undefined && clock.monotonic() - cameAt < REPLACEMENT_MIN_AGE_MS) return undefined;
      const token = await provider.getToken({ forceRenew: rejected, ...(signal === undefined ? {} : { signal }) });
      if (token === rejected) return undefined;
      if (!replacements.has(token)) replacements.set(token, clock.monotonic());
      return token;
    },
  };
}
