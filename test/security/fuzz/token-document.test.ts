import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { redact, reveal } from '../../../src/redacted.js';
import {
  parseTokenDocument,
  serializeTokenDocument,
  type TokenDocument,
} from '../../../src/token/fleet/token-document.js';
import { expectOwn, fuzz } from './fuzz.js';
import { iso, jwt, mutatedJson, secrets } from './mutations.js';

const NOW = Date.UTC(2030, 0, 1);
const YEAR_MS = 365 * 24 * 3_600_000;
const TOLERANCE_MS = 120_000;

const ids = fc.uuid();
const lives = fc.oneof(fc.constantFrom(1000, 3_600_000, 86_399_000, YEAR_MS), fc.integer({ min: 1, max: 2 * YEAR_MS }));
const documents = fc
  .record({
    secret: secrets,
    life: lives,
    longer: fc.constantFrom(0, 0, 0, 119_000, 121_000, YEAR_MS),
    owner: fc.constantFrom('client', 'client', 'client', 'other'),
    generation: fc.nat(),
    claim: fc.boolean(),
    failure: fc.boolean(),
    id: ids,
  })
  .map(({ secret, life, longer, owner, generation, claim, failure, id }) => ({
    secret,
    tree: {
      schema: 'imsvault-token/1',
      identity: 'x'.repeat(43),
      token_endpoint: 'https://ims-na1.adobelogin.com/ims/token/v3',
      generation,
      access_token: jwt({ client_id: owner, created_at: String(NOW), expires_in: String(life), note: secret }),
      token_type: 'bearer',
      expires_at: iso(NOW + life + longer),
      issued_at: iso(NOW),
      scope: 'openid,AdobeID',
      client_id: 'client',
      publish_id: id,
      later: { kept: [1, null] },
      ...(claim ? { renewal: { id, ttl: 20 } } : {}),
      ...(failure ? { last_failure: { id, code: 'invalid_client', retry_after: 300, count: 2 } } : {}),
    },
  }));
const texts = documents.chain(({ secret, tree }) =>
  fc.record({ secrets: fc.constant([secret, tree.access_token]), text: mutatedJson(fc.constant(tree)) }),
);

/** The rules of docs/token-document.md, said anew. */
function expectSound(document: TokenDocument): void {
  const { identity, generation, identityRevision, token, renewal, lastFailure } = document;
  expect(identity).toMatch(/^[A-Za-z0-9_-]{43}$/);
  for (const count of [generation, identityRevision]) expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
  if (renewal !== undefined) expect(renewal.ttlMs >= 1000 && renewal.ttlMs <= 120_000).toBe(true);
  if (lastFailure !== undefined) {
    expect(lastFailure.retryAfterMs >= 0 && lastFailure.retryAfterMs <= 3_600_000).toBe(true);
    expect(lastFailure.code).toMatch(/^\w{1,64}$/);
  }
  if (token === undefined) return;
  const accessToken = reveal(token.accessToken);
  expect(/^[\w.~+/-]+=*$/.test(accessToken)).toBe(true);
  expect(token.issuedAt).toBeLessThan(token.expiresAt);
  expect(token.expiresAt).toBeLessThanOrEqual(NOW + YEAR_MS);
  let claims: { client_id?: unknown; created_at?: unknown; expires_in?: unknown } | null = null;
  try {
    claims = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
  } catch {}
  if (typeof claims?.client_id === 'string') expect(token.clientId).toBe(claims.client_id);
  const until = Number(claims?.created_at) + Number(claims?.expires_in);
  if (until > 0) expect(token.expiresAt).toBeLessThanOrEqual(until + TOLERANCE_MS);
}

describe('token documents', () => {
  fuzz('token document', texts, ({ secrets, text }) => {
    let document: TokenDocument;
    try {
      document = parseTokenDocument(redact(text), 'the store', NOW);
    } catch (error) {
      expectOwn(error, ['ERR_SECRET_MALFORMED'], secrets);
      return 'refused';
    }
    expectSound(document);
    const again = serializeTokenDocument(document);
    const fields = JSON.parse(text) as Record<string, unknown>;
    if (!document.readOnly) expect(parseTokenDocument(again, 'the store', NOW)).toEqual(document);
    const written = JSON.parse(reveal(again)) as Record<string, unknown>;
    for (const name of Object.keys(document.unknown)) expect(written[name]).toEqual(fields[name]);
    return 'accepted';
  });
});
