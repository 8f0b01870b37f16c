import type { ImsvaultError } from '../../errors.js';
import { readClaims } from '../../ims/token-claims.js';
import { type Redacted, redact, reveal } from '../../redacted.js';

/** The token that a document carries. Times are the servers' (IMS), not this machine's. */
export interface PublishedToken {
  accessToken: Redacted<string>;
  tokenType: string;
  /** Unix milliseconds. */
  expiresAt: number;
  /** Unix milliseconds. */
  issuedAt: number;
  scope: readonly string[];
  clientId: string;
  /** Which publication this is; a publisher recognises its own by it. */
  publishId: string;
}

const YEAR_MS = 365 * 24 * 3_600_000;
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
export const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** Claim and clock may differ by the time a request takes. */
const CLAIMS_TOLERANCE_MS = 120_000;

export type Fields = Readonly<Record<string, unknown>>;
export type Fail = (what: string) => ImsvaultError;

/** The fields of a token as documents spell them. */
export function tokenFields(token: PublishedToken): Record<string, string> {
  return {
    access_token: reveal(token.accessToken),
    token_type: token.tokenType,
    expires_at: new Date(token.expiresAt).toISOString(),
    issued_at: new Date(token.issuedAt).toISOString(),
    scope: token.scope.join(','),
    client_id: token.clientId,
    publish_id: token.publishId,
  };
}

/**
 * The token that `fields` spell out, after every check that needs no more than them.
 * @param clock whose times they are: the servers', or this machine's own, which IMS's claims are not comparable with
 * @throws what `fail` makes
 */
export function parseTokenFields(
  fields: Fields,
  now: number,
  fail: Fail,
  clock: 'servers' | 'own' = 'servers',
): PublishedToken {
  const {
    access_token: accessToken,
    token_type: tokenType,
    scope,
    client_id: clientId,
    publish_id: publishId,
  } = fields;
  if (typeof accessToken !== 'string' || !B64TOKEN.test(accessToken)) throw fail('its access_token is malformed');
  if (tokenType !== 'bearer') throw fail('its token_type is not bearer');
  if (typeof scope !== 'string') throw fail('its scope is malformed');
  if (typeof clientId !== 'string' || !/^[\x21-\x7e]{1,256}$/.test(clientId)) throw fail('its client_id is malformed');
  if (typeof publishId !== 'string' || !ID.test(publishId)) throw fail('its publish_id is malformed');
  const [expiresAt, issuedAt] = [parseTime(fields.expires_at), parseTime(fields.issued_at)];
  if (expiresAt === undefined || issuedAt === undefined || issuedAt >= expiresAt) throw fail('its times are malformed');
  if (expiresAt > now + YEAR_MS) throw fail('its expires_at is more than a year away');
  const claims = readClaims(accessToken);
  if (claims?.clientId !== undefined && claims.clientId !== clientId) throw fail("its client_id is not its token's");
  if (claims?.createdAt !== undefined && claims.lifetimeSeconds !== undefined) {
    const until = (clock === 'servers' ? claims.createdAt : issuedAt) + claims.lifetimeSeconds * 1000;
    if (expiresAt > until + CLAIMS_TOLERANCE_MS) throw fail("its expires_at is later than its token's");
  }
  return {
    accessToken: redact(accessToken),
    tokenType,
    expiresAt,
    issuedAt,
    scope: scope.split(',').filter((name) => name !== ''),
    clientId,
    publishId,
  };
}

export function parseTime(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

export function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}
