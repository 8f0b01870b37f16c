import { randomBytes, randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../../src/clock.js';
import { decodeJwt, signWithSecret } from './jwt.js';

/** Issues Entra access tokens and tells its own from others. */
export interface TokenIssuer {
  readonly tenantId: string;
  readonly clock: Clock;
  /** Every token so far; none may show up in a log. */
  readonly issued: string[];
  /** @param lifetimeSeconds default 3600 */
  issue(clientId: string, audience: string, lifetimeSeconds?: number): string;
  /** The client id of a valid token, or why it is not valid. */
  verify(token: string, audience: string): { clientId: string } | { reason: string };
}

export function createTokenIssuer(clock: Clock = systemClock): TokenIssuer {
  const secret = randomBytes(32);
  const tenantId = randomUUID();
  const issued: string[] = [];
  const now = () => Math.floor(clock.now() / 1000);
  return {
    tenantId,
    clock,
    issued,
    issue(clientId, audience, lifetimeSeconds = 3600) {
      const claims = {
        aud: audience,
        iss: `https://sts.windows.net/${tenantId}/`,
        appid: clientId,
        tid: tenantId,
        iat: now(),
        nbf: now(),
        exp: now() + lifetimeSeconds,
        jti: randomUUID(),
      };
      const token = signWithSecret(claims, secret);
      issued.push(token);
      return token;
    },
    verify(token, audience) {
      if (!issued.includes(token)) return { reason: 'the token was not issued here' };
      const { aud, exp, appid } = decodeJwt(token)?.claims ?? {};
      if (aud !== audience) return { reason: `the audience is ${aud}, not ${audience}` };
      if (typeof exp !== 'number' || exp <= now()) return { reason: 'the token has expired' };
      return { clientId: String(appid) };
    },
  };
}
