import { AccessToken } from '../../src/access-token.js';

let count = 0;

/** A token that nobody issued, of a given life in seconds from `issuedAt` (Unix milliseconds). */
export function fakeToken(issuedAt: number, lifeSeconds: number): AccessToken {
  return new AccessToken({
    accessToken: `fake-token-${++count}`,
    tokenType: 'bearer',
    issuedAt,
    expiresAt: issuedAt + lifeSeconds * 1000,
    scope: ['openid'],
    clientId: 'client',
  });
}

/** A token that carries `claims`, in the form of IMS's. */
export function jwt(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
}
