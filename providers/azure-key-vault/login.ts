import type { AccessToken, GetTokenOptions } from '@azure/identity';
import type { Clock } from '../../src/clock.js';

/** Asks Entra for a token, each time anew. */
export type RequestToken = (scopes: string[], options: GetTokenOptions) => Promise<AccessToken>;

/** The SDK's TokenCredential, and what the provider needs besides. */
export interface Login {
  getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken>;
  /** The token in hand or a new one, with its true expiry. */
  current(scope: string): Promise<AccessToken>;
  /** Drops every token: the vault refused one. */
  forget(): void;
}

/** MSAL's own margin: with less left, a token is renewed. */
const RENEW_BEFORE_MS = 300_000;
/** With less left, a token may lapse on its way to the vault. */
const UNUSABLE_BEFORE_MS = 30_000;

/**
 * Keeps login tokens: one request at a time for all who wait, renewal in the background while the old token is good.
 *
 * The SDK's own keeper is told that each token has lapsed already, so that it always asks here: in the last two minutes
 * of a token it renews unobserved, and its failure then ends the process as an unhandled rejection.
 */
export function createLogin(request: RequestToken, clock: Clock): Login {
  const held = new Map<string, AccessToken>();
  const pending = new Map<string, Promise<AccessToken>>();

  function renew(key: string, scopes: string[], options: GetTokenOptions): Promise<AccessToken> {
    // Claims say why the last token was refused; a request without them would bring the same one again.
    const pendingKey = key + (options.claims ?? '');
    let renewal = pending.get(pendingKey);
    if (renewal === undefined) {
      renewal = request(scopes, options)
        .then((token) => {
          held.set(key, token);
          return token;
        })
        .finally(() => pending.delete(pendingKey));
      pending.set(pendingKey, renewal);
    }
    return renewal;
  }

  async function obtain(scopes: string[], options: GetTokenOptions): Promise<AccessToken> {
    const key = JSON.stringify([scopes, options.tenantId]);
    const token = held.get(key);
    const now = clock.now();
    if (options.claims !== undefined || token === undefined || token.expiresOnTimestamp - now < UNUSABLE_BEFORE_MS) {
      return renew(key, scopes, options);
    }
    const renewAt = Math.min(token.refreshAfterTimestamp ?? Infinity, token.expiresOnTimestamp - RENEW_BEFORE_MS);
    if (now >= renewAt) renew(key, scopes, options).catch(() => undefined);
    return token;
  }

  return {
    async getToken(scopes, { tenantId, claims, enableCae } = {}) {
      // The caller's signal stays out: one login serves every read that waits for it.
      const { token } = await obtain([scopes].flat(), {
        ...(tenantId === undefined ? {} : { tenantId }),
        ...(claims === undefined ? {} : { claims }),
        ...(enableCae === undefined ? {} : { enableCae }),
      });
      return { token, expiresOnTimestamp: 0 };
    },
    current: (scope) => obtain([scope], {}),
    forget: () => held.clear(),
  };
}
