import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ImsvaultError } from '../../../src/errors.js';
import { redact, reveal } from '../../../src/redacted.js';
import { parseTokenFields } from '../../../src/token/fleet/published-token.js';
import { parseTokenDocument, serializeTokenDocument } from '../../../src/token/fleet/token-document.js';
import { jwt } from '../../support/fake-token.js';
import { expectNoSecrets, renderings } from '../../support/leaks.js';
import { createRandom } from '../simulation/world.js';

const NOW = Date.UTC(2030, 0, 1);
const HOUR = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();
const { dependentRequired, ...published } = JSON.parse(
  readFileSync(new URL('../../../src/token/fleet/token-document.schema.json', import.meta.url), 'utf8'),
);
// zod knows all of the schema but this keyword.
const schema = z
  .fromJSONSchema(published)
  .refine((fields) =>
    Object.entries(dependentRequired).every(
      ([name, needed]) =>
        !Object.hasOwn(fields as object, name) ||
        (needed as string[]).every((other) => Object.hasOwn(fields as object, other)),
    ),
  );

const TOKEN = jwt({ client_id: 'client', created_at: String(NOW), expires_in: String(HOUR), note: 'SECRET-PART' });
const valid = {
  schema: 'imsvault-token/1',
  identity: 'x'.repeat(43),
  identity_revision: 2,
  token_endpoint: 'https://ims-na1.adobelogin.com/ims/token/v3',
  generation: 7,
  access_token: TOKEN,
  token_type: 'bearer',
  expires_at: iso(NOW + HOUR),
  issued_at: iso(NOW),
  scope: 'openid,AdobeID',
  client_id: 'client',
  publish_id: '5d2f3a5e-3c0c-4f6c-9c53-3a0d4a0f3b11',
  renewal: { id: 'claim-1', ttl: 20 },
  last_failure: { id: 'failure-1', code: 'invalid_client', retry_after: 300, count: 2 },
  rejection_renewed_at: iso(NOW - HOUR),
};
const parse = (value: unknown) =>
  parseTokenDocument(redact(typeof value === 'string' ? value : JSON.stringify(value)), 'the store', NOW);
const attempt = (value: unknown): unknown => {
  try {
    return parse(value);
  } catch (error) {
    return error;
  }
};

describe('a token document', () => {
  it('comes back from the store as it went there, and holds to the published schema', () => {
    const text = reveal(serializeTokenDocument(parse(valid)));
    expect(JSON.parse(text)).toEqual(valid);
    expect(reveal(serializeTokenDocument(parse(text)))).toBe(text);
    expect(schema.safeParse(JSON.parse(text)).success).toBe(true);
  });

  it('needs no token: a first claim has none', () => {
    const { schema: version, identity, token_endpoint, renewal } = valid;
    const first = { schema: version, identity, token_endpoint, generation: 0, renewal };
    expect(parse(first).token).toBeUndefined();
    expect(schema.safeParse(first).success).toBe(true);
  });

  it('keeps fields that it does not know', () => {
    const more = JSON.parse(`{"__proto__":{"polluted":1},"later":{"deep":[1,null]},${JSON.stringify(valid).slice(1)}`);
    const again = JSON.parse(reveal(serializeTokenDocument(parse(more))));
    expect(again).toEqual(more);
    expect(Object.keys(again)).toContain('__proto__');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(schema.safeParse({ ...valid, later: 1 }).success).toBe(true);
  });

  it('may be nested 32 levels deep', () => {
    expect(
      parse(JSON.stringify(valid).replace('{', `{"x":${'['.repeat(31)}${']'.repeat(31)},`)).unknown,
    ).toHaveProperty('x');
  });

  it('of a newer major version is read, and marked read-only', () => {
    expect(parse(valid).readOnly).toBe(false);
    expect(parse({ ...valid, schema: 'imsvault-token/2' }).readOnly).toBe(true);
  });

  it('is shown by no inspection', () => {
    const document = parse(valid);
    expectNoSecrets([document, serializeTokenDocument(document)], [TOKEN]);
  });
});

/** `alone`: only code can say so, a schema cannot. */
const refused: [string, object | string, 'alone'?][] = [
  ['no JSON', '{"access_token": "x'],
  ['an array', '[]'],
  ['null', 'null'],
  ['a text', '"x"'],
  ['another schema', { schema: 'other/1' }],
  ['version 0', { schema: 'imsvault-token/0' }],
  ['a schema that is a list', { schema: ['imsvault-token/1'] }],
  ['a schema that begins otherwise', { schema: 'x-imsvault-token/1' }],
  ['a schema that goes on', { schema: 'imsvault-token/1-x' }],
  ['no schema', { schema: undefined }],
  ['a client secret', { client_secret: 'p8e-SECRET' }],
  ['client secrets', { client_secrets: ['p8e-SECRET'] }],
  ['an identity of another length', { identity: 'x'.repeat(42) }],
  ['no identity', { identity: undefined }],
  ['an identity that is a list', { identity: ['x'.repeat(43)] }],
  ['a token_endpoint that is no text', { token_endpoint: 1 }],
  ['a token_endpoint that is too long', { token_endpoint: 'x'.repeat(2049) }],
  ['a negative generation', { generation: -1 }],
  ['a fractional generation', { generation: 1.5 }],
  ['a generation of 2^53', { generation: 2 ** 53 }],
  ['a generation as text', { generation: '7' }],
  ['no generation', { generation: undefined }],
  ['a line break in the token', { access_token: 'abc\r\nX-Evil: 1' }],
  ['a line break after the token', { access_token: 'abc\n' }],
  ['a space in the token', { access_token: 'a b' }],
  ['a quote in the token', { access_token: "a'b" }],
  ['padding inside the token', { access_token: 'a=b' }],
  ['an empty token', { access_token: '' }],
  ['a token that is null', { access_token: null }],
  ['another token_type', { token_type: 'mac' }],
  ['no token_type', { token_type: undefined }],
  ['a scope that is no text', { scope: ['openid'] }],
  ['a space in the client_id', { client_id: 'cli ent' }],
  ['an empty client_id', { client_id: '' }],
  ['a long client_id', { client_id: 'c'.repeat(257) }],
  // Of an opaque token nothing else says what its client is.
  ['an empty client_id of an opaque token', { access_token: 'opaque', client_id: '' }],
  ['a space at the end of the client_id', { access_token: 'opaque', client_id: 'client ' }],
  ['a space before the client_id', { access_token: 'opaque', client_id: ' client' }],
  ['a client_id that is a list', { access_token: 'opaque', client_id: ['client'] }],
  ['no client_id', { access_token: 'opaque', client_id: undefined }],
  ["another client's token", { client_id: 'other' }, 'alone'],
  ['a publish_id with a space', { publish_id: 'a b' }],
  ['no publish_id', { publish_id: undefined }],
  ['no expires_at', { expires_at: undefined }],
  ['an expires_at that is a number', { expires_at: NOW + HOUR }],
  ['an expires_at without zone', { expires_at: '2030-01-01T01:00:00' }],
  ['an expires_at with something before it', { expires_at: `x${iso(NOW + HOUR)}` }],
  ['an expires_at with something behind it', { expires_at: `${iso(NOW + HOUR)} (Z)` }],
  ['an expires_at that is issued_at', { expires_at: iso(NOW) }, 'alone'],
  ['an expires_at that is no date', { expires_at: '2030-13-45T01:00:00Z' }, 'alone'],
  ['an expires_at before issued_at', { expires_at: iso(NOW - 1) }, 'alone'],
  ['an expires_at of more than a year', { access_token: 'opaque', expires_at: iso(NOW + 366 * 24 * HOUR) }, 'alone'],
  ["an expires_at later than the token's own", { expires_at: iso(NOW + HOUR + 121_000) }, 'alone'],
  ['a renewal that is null', { renewal: null }],
  ['a renewal without id', { renewal: { ttl: 20 } }],
  ['a renewal of less than 1 s', { renewal: { id: 'a', ttl: 0.9 } }],
  ['a renewal of more than 120 s', { renewal: { id: 'a', ttl: 120.1 } }],
  ['a renewal without ttl', { renewal: { id: 'a' } }],
  ['a renewal with a ttl of text', { renewal: { id: 'a', ttl: '20' } }],
  ['a failure with a code that is a sentence', { last_failure: { ...valid.last_failure, code: 'a b' } }],
  ['a failure with a negative pause', { last_failure: { ...valid.last_failure, retry_after: -1 } }],
  ['a failure with a pause of text', { last_failure: { ...valid.last_failure, retry_after: '5' } }],
  ['a failure with a count of 0', { last_failure: { ...valid.last_failure, count: 0 } }],
  ['a failure that is a text', { last_failure: 'x' }],
  [
    'more levels than can be written again',
    JSON.stringify(valid).replace('{', `{"x":${'['.repeat(7000)}${']'.repeat(7000)},`),
    'alone',
  ],
  ['33 levels', JSON.stringify(valid).replace('{', `{"x":${'['.repeat(32)}${']'.repeat(32)},`), 'alone'],
  ['more than 16 KiB', { padding: 'x'.repeat(16 * 1024) }, 'alone'],
  ['more than 16 KiB in bytes, not in characters', { padding: 'é'.repeat(8 * 1024) }, 'alone'],
];

describe('a document is refused that has', () => {
  it.each(refused)('%s', (_, change, alone) => {
    const value = typeof change === 'string' ? change : { ...valid, ...change };
    const error = attempt(value);
    expect(error).toBeInstanceOf(ImsvaultError);
    expect(error).toMatchObject({ code: 'ERR_SECRET_MALFORMED', retryable: false });
    expectNoSecrets(error, [TOKEN, 'p8e-SECRET', 'X-Evil', 'SECRET-PART']);
    if (typeof change === 'object' && alone === undefined) {
      expect(schema.safeParse(JSON.parse(JSON.stringify(value))).success).toBe(false);
    }
  });
});

it.each<[object | string, string]>([
  ['{', 'it is not a JSON object'],
  ['"x"', 'it is not a JSON object'],
  [{ padding: 'x'.repeat(16 * 1024) }, 'it is larger than 16384 bytes'],
  [{ schema: 'other/1' }, 'it is no token document'],
  [`{"x":${'['.repeat(40)}${']'.repeat(40)}}`, 'it is nested more than 32 levels deep'],
  [{ client_secret: 'x' }, 'it holds a client secret'],
  [{ identity: 'x' }, 'its identity is malformed'],
  [{ token_endpoint: 1 }, 'its token_endpoint is malformed'],
  [{ identity_revision: -1 }, 'its identity_revision is malformed'],
  [{ generation: -1 }, 'its generation is malformed'],
  [{ access_token: '' }, 'its access_token is malformed'],
  [{ token_type: 'mac' }, 'its token_type is not bearer'],
  [{ scope: 1 }, 'its scope is malformed'],
  [{ client_id: '' }, 'its client_id is malformed'],
  [{ publish_id: '' }, 'its publish_id is malformed'],
  [{ issued_at: '' }, 'its times are malformed'],
  [{ issued_at: [iso(NOW)] }, 'its times are malformed'],
  [{ expires_at: iso(NOW) }, 'its times are malformed'],
  [{ expires_at: iso(NOW + 400 * 24 * HOUR) }, 'its expires_at is more than a year away'],
  [{ client_id: 'other' }, "its client_id is not its token's"],
  [{ expires_at: iso(NOW + 2 * HOUR) }, "its expires_at is later than its token's"],
  [{ renewal: {} }, 'its renewal is malformed'],
  [{ renewal: { id: 'a', ttl: 0 } }, 'its renewal.ttl is out of bounds'],
  [{ last_failure: {} }, 'its last_failure is malformed'],
  [{ last_failure: { ...valid.last_failure, code: '' } }, 'its last_failure.code is malformed'],
  [{ last_failure: { ...valid.last_failure, retry_after: -1 } }, 'its last_failure.retry_after is malformed'],
  [{ last_failure: { ...valid.last_failure, count: 0 } }, 'its last_failure.count is malformed'],
])('a document that is refused has what is wrong with it said: %j', (change, message) => {
  expect(attempt(typeof change === 'string' ? change : { ...valid, ...change })).toMatchObject({
    message: `the store: ${message}`,
    hint: 'The token store must name a secret of its own, which only imsvault writes.',
  });
});

describe('a document is accepted that has', () => {
  it.each([
    ['exactly 16 KiB', { padding: 'x'.repeat(16 * 1024 - JSON.stringify(valid).length - ',"padding":""'.length) }],
    ['the highest generation', { generation: Number.MAX_SAFE_INTEGER }],
    ['a token that is no JWT', { access_token: 'AZaz09-._~+/==' }],
    ['an expiry of just a year', { access_token: 'opaque', expires_at: iso(NOW + 365 * 24 * HOUR) }],
    ["an expiry two minutes past the token's own", { expires_at: iso(NOW + HOUR + 120_000) }],
    ['a claim of 120 s', { renewal: { id: 'a', ttl: 120 } }],
    ['a claim of 1 s', { renewal: { id: 'a', ttl: 1 } }],
    ['a token_endpoint of 2,048 characters', { token_endpoint: 'x'.repeat(2048) }],
    [
      'a first failure that is not to be waited out',
      { last_failure: { ...valid.last_failure, retry_after: 0, count: 1 } },
    ],
    ['the credential version of its failure', { last_failure: { ...valid.last_failure, credential_version: '7' } }],
    ['no scope', { scope: '' }],
  ])('%s', (_, change) => {
    expect(attempt({ ...valid, ...change })).not.toBeInstanceOf(Error);
    expect(schema.safeParse({ ...valid, ...change }).success).toBe(true);
  });

  it('a credential version, and none where that is malformed', () => {
    const versionOf = (version: unknown) =>
      parse({ ...valid, last_failure: { ...valid.last_failure, credential_version: version } }).lastFailure;
    expect(versionOf('7')).toMatchObject({ credentialVersion: '7' });
    for (const odd of [7, '', 'a b', 'x'.repeat(257), null])
      expect(versionOf(odd)).not.toHaveProperty('credentialVersion');
    const text = reveal(
      serializeTokenDocument(parse({ ...valid, last_failure: { ...valid.last_failure, credential_version: '7' } })),
    );
    expect(JSON.parse(text).last_failure.credential_version).toBe('7');
  });

  it('scopes, without empty ones', () => {
    expect(parse({ ...valid, scope: 'openid,,AdobeID' }).token?.scope).toEqual(['openid', 'AdobeID']);
    expect(parse({ ...valid, scope: '' }).token?.scope).toEqual([]);
  });

  it("a token whose claims tell its beginning, but not its life, and times of this machine's own clock", () => {
    const access_token = jwt({ client_id: 'client', created_at: String(NOW) });
    expect(attempt({ ...valid, access_token, expires_at: iso(NOW + 24 * HOUR) })).not.toBeInstanceOf(Error);
    const fail = (message: string) => new ImsvaultError('ERR_SECRET_MALFORMED', message);
    const ahead = { ...valid, issued_at: iso(NOW + HOUR), expires_at: iso(NOW + 2 * HOUR) };
    expect(() => parseTokenFields(ahead, NOW, fail)).toThrow("later than its token's");
    expect(parseTokenFields(ahead, NOW, fail, 'own').expiresAt).toBe(NOW + 2 * HOUR);
    const longer = { ...valid, expires_at: iso(NOW + HOUR + 121_000) };
    expect(() => parseTokenFields(longer, NOW, fail, 'own')).toThrow("later than its token's");
  });

  it('no more fields than it had', () => {
    const { schema: version, identity, token_endpoint } = valid;
    const least = { schema: version, identity, token_endpoint, generation: 0 };
    expect(parse(least)).toStrictEqual({
      identity,
      identityRevision: 0,
      tokenEndpoint: token_endpoint,
      generation: 0,
      readOnly: false,
      unknown: {},
    });
    expect(JSON.parse(reveal(serializeTokenDocument(parse(least))))).toEqual(least);
  });

  it('a pause of more than an hour, which counts as one', () => {
    const { lastFailure } = parse({ ...valid, last_failure: { ...valid.last_failure, retry_after: 1e9 } });
    expect(lastFailure?.retryAfterMs).toBe(3_600_000);
  });
});

describe('a mutated document', () => {
  const odd = [null, true, 0, -1, 1e308, '', 'x', '\u0000', '__proto__', [], {}, [[]], 'x'.repeat(3000), { id: {} }];

  function mutate(text: string, random: () => number): string {
    const pick = (length: number) => Math.floor(random() * length);
    switch (pick(4)) {
      case 0: {
        const at = pick(text.length);
        return text.slice(0, at) + String.fromCharCode(pick(0x250)) + text.slice(at + 1);
      }
      case 1:
        return text.slice(0, pick(text.length));
      case 2: {
        const [from, to] = [pick(text.length), pick(text.length)];
        return text.slice(0, from) + text.slice(Math.min(from, to), Math.max(from, to)) + text.slice(from);
      }
      default: {
        const fields = JSON.parse(JSON.stringify(valid));
        const names = Object.keys(fields);
        const name = names[pick(names.length)] as string;
        const owner = random() < 0.3 && typeof fields[name] === 'object' ? fields[name] : fields;
        const inner = Object.keys(owner);
        owner[inner[pick(inner.length)] as string] = odd[pick(odd.length)];
        return JSON.stringify(fields);
      }
    }
  }

  it('is either refused without its content, or safe to use', () => {
    const random = createRandom(4);
    const base = JSON.stringify(valid);
    let accepted = 0;
    for (let round = 0; round < 5000; round++) {
      let text = base;
      for (let times = 1 + Math.floor(random() * 2); times > 0; times--) text = mutate(text, random);
      const outcome = attempt(text);
      if (outcome instanceof Error) {
        expect(outcome, text).toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
        if (round % 50 === 0) expect(renderings(outcome)).not.toContain(TOKEN.slice(8, 40));
        continue;
      }
      accepted++;
      const document = parse(text);
      const { token } = document;
      if (token !== undefined) {
        expect(reveal(token.accessToken)).toMatch(/^[\w\-.~+/]+=*$/);
        expect(token.expiresAt).toBeLessThanOrEqual(NOW + 365 * 24 * HOUR);
        expect(token.expiresAt).toBeGreaterThan(token.issuedAt);
      }
      expect(Number.isSafeInteger(document.generation) && document.generation >= 0).toBe(true);
      expect(document.renewal === undefined || document.renewal.ttlMs <= 120_000).toBe(true);
      // What is accepted can be written back, and every other reader accepts it too.
      if (!document.readOnly) {
        const again = reveal(serializeTokenDocument(document));
        expect(schema.safeParse(JSON.parse(again)).success, again).toBe(true);
      }
    }
    expect(accepted).toBeGreaterThan(100);
  });
});
