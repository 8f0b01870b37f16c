import type { AccessToken } from '../access-token.js';

/** A token with its facts, in the words of RFC 6749, as JSON and templates show it. */
export interface TokenJson {
  access_token: string;
  token_type: string;
  /** ISO 8601, UTC. */
  expires_at: string;
  /** Seconds from now. */
  expires_in: number;
  issued_at: string;
  /** Joined by commas, as IMS writes it. */
  scope: string;
  client_id: string;
  /** The provider that had the credential, or `token-store`. */
  source: string;
}

/** @param now Unix milliseconds, for `expires_in` */
export function tokenJson(token: AccessToken, source: string, now: number): TokenJson {
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
