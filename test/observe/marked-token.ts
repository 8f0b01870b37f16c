import { AccessToken } from '../../src/access-token.js';

/** A token whose text a test looks for. */
export function markedToken(accessToken: string): AccessToken {
  return new AccessToken({
    accessToken,
    tokenType: 'bearer',
    issuedAt: 0,
    expiresAt: 1000,
    scope: ['openid'],
    clientId: 'client',
  });
}
