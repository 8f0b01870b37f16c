import type { AccessToken } from '../access-token.js';

/**
 * A token as programs read it, the token itself included.
 * @param source where it came from: the provider's name, or `token-store`
 * @param now Unix milliseconds, for `expires_in`
 */
export function accessTokenJson(token: AccessToken, source: string, now: number): Record<string, string | number> {
  return {
    access_token: token.accessToken,
    token_type: token.tokenType,
    expires_at: new Date(token.expiresAt).toISOString(),
    expires_in: Math.max(0, Math.floor((token.expiresAt - now) / 1000)),
    issued_at: new Date(token.issuedAt).toISOString(),
    scope: token.scope.join(','),
    client_id: token.clientId,
    source,
  };
}
