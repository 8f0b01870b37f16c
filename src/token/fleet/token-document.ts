import { ImsvaultError } from '../../errors.js';
import { isNestedDeeper } from '../../nesting.js';
import { type Redacted, redact, reveal } from '../../redacted.js';
import {
  type Fail,
  type Fields,
  ID,
  type PublishedToken,
  parseObject,
  parseTime,
  parseTokenFields,
  tokenFields,
} from './published-token.js';

/** Somebody has the right to make the next generation. */
export interface RenewalClaim {
  /** A new UUID for each attempt; never a host or a process. */
  id: string;
  /** Milliseconds of standing still after which it counts as dead. */
  ttlMs: number;
}

/** The last renewal failed; others wait it out. */
export interface SharedFailure {
  /** A new UUID for each failure. */
  id: string;
  /** An imsvault error code, or IMS's `error`. */
  code: string;
  /** Milliseconds to wait, by the reader's own clock from when it first sees this. */
  retryAfterMs: number;
  /** How many renewals in a row have failed. */
  count: number;
  /** The credential's version that IMS rejected, by the store's own id: a newer one need not wait. */
  credentialVersion?: string;
}

/** What stands in the token's secret: one JSON value, written as a whole. */
export interface TokenDocument {
  identity: string;
  /** Of several profiles that claim the same place, the one with the higher revision may replace the other's. */
  identityRevision: number;
  tokenEndpoint: string;
  /** Rises by one with each published token. 0: none was published yet. */
  generation: number;
  token?: PublishedToken;
  renewal?: RenewalClaim;
  lastFailure?: SharedFailure;
  /** When a token was last renewed because an API rejected it, by the servers' clock, Unix milliseconds. */
  rejectionRenewedAt?: number;
  /** A newer major version wrote it: it may be read and must not be replaced. */
  readOnly: boolean;
  /** Fields that this version does not know; written back as they were. */
  unknown: Readonly<Record<string, unknown>>;
}

/** Its major version. A change that readers of 1 would misread makes it 2. */
export const DOCUMENT_SCHEMA = 'imsvault-token/1';
/** The smallest of what the stores take is 25 KB; a token is under 2 KiB. */
export const MAX_DOCUMENT_BYTES = 16 * 1024;
/** What others wrote is written back. */
const MAX_DEPTH = 32;
const VERSION = /^[\x21-\x7e]{1,256}$/;

/** JSON, to be written as it is. */
export function serializeTokenDocument(document: TokenDocument): Redacted<string> {
  const { token, renewal, lastFailure, rejectionRenewedAt } = document;
  return redact(
    JSON.stringify({
      ...document.unknown,
      schema: DOCUMENT_SCHEMA,
      identity: document.identity,
      ...(document.identityRevision === 0 ? {} : { identity_revision: document.identityRevision }),
      token_endpoint: document.tokenEndpoint,
      generation: document.generation,
      ...(token === undefined ? {} : tokenFields(token)),
      ...(renewal === undefined ? {} : { renewal: { id: renewal.id, ttl: renewal.ttlMs / 1000 } }),
      ...(lastFailure === undefined
        ? {}
        : {
            last_failure: {
              id: lastFailure.id,
              code: lastFailure.code,
              retry_after: lastFailure.retryAfterMs / 1000,
              count: lastFailure.count,
              credential_version: lastFailure.credentialVersion,
            },
          }),
      ...(rejectionRenewedAt === undefined ? {} : { rejection_renewed_at: new Date(rejectionRenewedAt).toISOString() }),
    }),
  );
}

/**
 * Reads a document that others may have written: whoever can write it is trusted with the token, but not with this
 * process.
 * @param where the document's place, for the error's text
 * @param now the servers' clock, Unix milliseconds
 * @throws ERR_SECRET_MALFORMED; the text names fields, never values
 */
export function parseTokenDocument(value: Redacted<string>, where: string, now: number): TokenDocument {
  const text = reveal(value);
  const fail = (what: string) =>
    new ImsvaultError('ERR_SECRET_MALFORMED', `${where}: ${what}`, {
      hint: 'The token store must name a secret of its own, which only imsvault writes.',
    });
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) throw fail(`it is larger than ${MAX_DOCUMENT_BYTES} bytes`);
  const fields = parseObject(text);
  if (fields === undefined) throw fail('it is not a JSON object');
  if (isNestedDeeper(fields, MAX_DEPTH)) throw fail(`it is nested more than ${MAX_DEPTH} levels deep`);
  const { schema } = fields;
  if (typeof schema !== 'string' || !/^imsvault-token\/[1-9]\d{0,3}$/.test(schema))
    throw fail('it is no token document');
  if ('client_secret' in fields || 'client_secrets' in fields) throw fail('it holds a client secret');

  const { identity, identity_revision: identityRevision = 0, token_endpoint: tokenEndpoint, generation } = fields;
  if (typeof identity !== 'string' || !/^[\w-]{43}$/.test(identity)) throw fail('its identity is malformed');
  if (typeof tokenEndpoint !== 'string' || tokenEndpoint.length > 2048) throw fail('its token_endpoint is malformed');
  if (!isCount(identityRevision)) throw fail('its identity_revision is malformed');
  if (!isCount(generation)) throw fail('its generation is malformed');
  const token = fields.access_token === undefined ? undefined : parseTokenFields(fields, now, fail);
  const renewal = parseRenewal(fields.renewal, fail);
  const lastFailure = parseFailure(fields.last_failure, fail);
  const rejectionRenewedAt = parseTime(fields.rejection_renewed_at);
  return {
    identity,
    identityRevision,
    tokenEndpoint,
    generation,
    ...(token === undefined ? {} : { token }),
    ...(renewal === undefined ? {} : { renewal }),
    ...(lastFailure === undefined ? {} : { lastFailure }),
    ...(rejectionRenewedAt === undefined ? {} : { rejectionRenewedAt }),
    readOnly: schema !== DOCUMENT_SCHEMA,
    unknown: Object.fromEntries(Object.entries(fields).filter(([name]) => !KNOWN.has(name))),
  };
}

const KNOWN: ReadonlySet<string> = new Set([
  'schema',
  'identity',
  'identity_revision',
  'token_endpoint',
  'generation',
  'access_token',
  'token_type',
  'expires_at',
  'issued_at',
  'scope',
  'client_id',
  'publish_id',
  'renewal',
  'last_failure',
  'rejection_renewed_at',
]);

function parseRenewal(value: unknown, fail: Fail): RenewalClaim | undefined {
  if (value === undefined) return undefined;
  const { id, ttl } = (value ?? {}) as Fields;
  if (typeof id !== 'string' || !ID.test(id)) throw fail('its renewal is malformed');
  // Out of bounds it would either starve everybody or protect nobody.
  if (typeof ttl !== 'number' || !(ttl >= 1 && ttl <= 120)) throw fail('its renewal.ttl is out of bounds');
  return { id, ttlMs: ttl * 1000 };
}

/** Seconds: nothing in a document keeps a fleet from trying for longer. */
const MAX_RETRY_AFTER = 3600;

function parseFailure(value: unknown, fail: Fail): SharedFailure | undefined {
  if (value === undefined) return undefined;
  const { id, code, retry_after: retryAfter, count, credential_version: version } = (value ?? {}) as Fields;
  if (typeof id !== 'string' || !ID.test(id)) throw fail('its last_failure is malformed');
  if (typeof code !== 'string' || !/^\w{1,64}$/.test(code)) throw fail('its last_failure.code is malformed');
  if (typeof retryAfter !== 'number' || !(retryAfter >= 0)) throw fail('its last_failure.retry_after is malformed');
  if (!isCount(count) || count < 1) throw fail('its last_failure.count is malformed');
  const failure = { id, code, retryAfterMs: Math.min(retryAfter, MAX_RETRY_AFTER) * 1000, count };
  // What it serves for is an early try: a malformed one only means that there is none.
  return typeof version === 'string' && VERSION.test(version) ? { ...failure, credentialVersion: version } : failure;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
