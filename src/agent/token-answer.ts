import { createHash } from 'node:crypto';
import type { AccessToken } from '../access-token.js';
import { accessTokenJson } from '../token/access-token-json.js';
import type { TokenProvider } from '../token-provider.js';
import { jsonReply, NO_STORE, type Reply } from './reply.js';

/** The answers that one token gives until the next second of its life. */
export interface TokenAnswer {
  readonly token: AccessToken;
  readonly etag: string;
  /** Unix milliseconds: the answers are right from here … */
  readonly from: number;
  /** … until here. */
  readonly until: number;
  readonly full: Reply;
  readonly notModified: Reply;
}

const NOTHING = Buffer.alloc(0);

const versions = new WeakMap<AccessToken, string>();

/**
 * Names a token without giving it away; the same in every agent. A token has far more than the 128 bits that are kept
 * of its hash, so that nothing can be guessed back.
 */
export function tokenVersion(token: AccessToken): string {
  let version = versions.get(token);
  if (version === undefined) {
    version = createHash('sha256').update(token.accessToken).digest().subarray(0, 16).toString('base64url');
    versions.set(token, version);
  }
  return version;
}

/** @param cache whether the token was there when the request came */
export function answerToken(
  token: AccessToken,
  profile: string,
  provider: TokenProvider,
  now: number,
  cache: 'HIT' | 'MISS',
): TokenAnswer {
  const ageMs = Math.max(0, now - token.issuedAt);
  const leftMs = Math.max(0, token.expiresAt - now);
  const version = tokenVersion(token);
  // Weak: the same token, with another `expires_in`.
  const etag = `W/"${version}"`;
  const headers = ['ETag', etag, 'Age', String(Math.floor(ageMs / 1000)), 'X-Cache', cache];
  const source = provider.status().token?.source ?? 'unknown';
  return {
    token,
    etag,
    from: now,
    until: now + Math.min(1000 - (ageMs % 1000), (leftMs % 1000) + 1),
    full: jsonReply(200, { ...accessTokenJson(token, source, now), profile, version }, headers),
    notModified: { status: 304, headers: [...NO_STORE, ...headers], body: NOTHING },
  };
}

/** The reply that fits: 304 where the client named this token as the one that it has. */
export function chooseReply({ etag, full, notModified }: TokenAnswer, ifNoneMatch: string | undefined): Reply {
  if (ifNoneMatch === undefined) return full;
  // Weak comparison (RFC 9110 §13.1.2): W/ does not count.
  const named = ifNoneMatch.split(',').some((tag) => {
    const given = tag.trim();
    return given === '*' || given === etag || `W/${given}` === etag;
  });
  return named ? notModified : full;
}
