import { randomBytes, randomUUID } from 'node:crypto';

export interface IssuedToken {
  /** The JWT. */
  accessToken: string;
  clientId: string;
  /** Joined by commas. */
  scope: string;
  /** Unix milliseconds, by the emulator's clock. */
  expiresAt: number;
  revoked: boolean;
}

export interface TokenFacts {
  clientId: string;
  /** Joined by commas. */
  scope: string;
  /** Unix milliseconds. */
  issuedAt: number;
  expiresInSeconds: number;
}

/** IMS's own are 1,100 to 1,600 characters long. */
const MIN_LENGTH = 1200;
const NOTICE = 'made by the imsvault IMS emulator; opens nothing at Adobe';
const HEADER = { alg: 'RS256', typ: 'JWT', x5u: 'imsvault-emulator.invalid', kid: 'imsvault-emulator', itt: 'at' };

/** A token with the shape and the claims of IMS's (times as texts of milliseconds, no `exp`) and a signature of noise. */
export function issueToken({ clientId, scope, issuedAt, expiresInSeconds }: TokenFacts): IssuedToken {
  const claims = {
    id: `${issuedAt}_${randomUUID()}_emulator`,
    type: 'access_token',
    client_id: clientId,
    user_id: 'IMSVAULTEMULATOR@techacct.adobe.com',
    as: 'ims-na1',
    scope,
    created_at: String(issuedAt),
    expires_in: String(expiresInSeconds * 1000),
    notice: NOTICE,
  };
  const header = encode(HEADER);
  const signature = randomBytes(256).toString('base64url');
  const missing = MIN_LENGTH - [header, encode(claims), signature].join('.').length;
  const padded = { ...claims, notice: NOTICE.padEnd(NOTICE.length + Math.ceil((missing * 3) / 4), '.') };
  return {
    accessToken: [header, encode(padded), signature].join('.'),
    clientId,
    scope,
    expiresAt: issuedAt + expiresInSeconds * 1000,
    revoked: false,
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
