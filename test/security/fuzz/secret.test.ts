import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect } from 'vitest';
import { redact, reveal } from '../../../src/redacted.js';
import { type Credential, type FieldMap, parseCredential } from '../../../src/secret/credential.js';
import { readSecretFile } from '../../../src/secret/secret-file.js';
import { expectOwn, fuzz } from './fuzz.js';
import { mutated, mutatedText, secrets, stringify } from './mutations.js';

const clientIds = fc.string({ unit: fc.constantFrom(...'abcdef0123456789'), minLength: 4, maxLength: 32 });
const credentials = fc.record({ id: clientIds, secret: secrets, second: fc.option(secrets, { nil: undefined }) });
type Planted = { id: string; secret: string; second: string | undefined };

/** The shapes in which a credential is stored; each gives a tree, or a text. */
const SHAPES: readonly ((planted: Planted) => unknown)[] = [
  ({ id, secret }) => ({ client_id: id, client_secret: secret, scope: 'openid, AdobeID' }),
  ({ id, secret, second }) => ({
    clientId: id,
    clientSecrets: second === undefined ? [secret] : [secret, second],
    scopes: ['openid'],
  }),
  ({ id, secret, second }) => ({
    CLIENT_ID: id,
    CLIENT_SECRETS: JSON.stringify([secret, second ?? secret]),
    ORG_ID: 'a@AdobeOrg',
  }),
  ({ id, secret }) => ({
    project: {
      workspace: {
        details: {
          credentials: [{ oauth_server_to_server: { client_id: id, client_secrets: [secret], scopes: ['openid'] } }],
        },
      },
    },
  }),
  ({ id, secret }) => ({
    AIO_ims_contexts_mine_client__id: id,
    AIO_ims_contexts_mine_client__secrets: JSON.stringify([secret]),
  }),
];
const trees = fc.tuple(credentials, fc.constantFrom(...SHAPES));
const lines = credentials.map((planted) => ({
  planted,
  text: `# of mine\nexport FUSION_CLIENT_ID=${planted.id}\nFUSION_CLIENT_SECRET='${planted.secret}'\n`,
}));

const payloads: fc.Arbitrary<{ planted: Planted; text: string }> = fc.oneof(
  { weight: 1, arbitrary: trees.map(([planted, shape]) => ({ planted, text: JSON.stringify(shape(planted)) })) },
  {
    weight: 5,
    arbitrary: trees.chain(([planted, shape]) =>
      mutated(fc.constant(shape(planted))).map((tree) => ({ planted, text: stringify(tree) })),
    ),
  },
  {
    weight: 2,
    arbitrary: lines.chain(({ planted, text }) => mutatedText(fc.constant(text)).map((text) => ({ planted, text }))),
  },
  {
    weight: 2,
    arbitrary: trees.chain(([planted, shape]) =>
      mutatedText(fc.constant(JSON.stringify(shape(planted)))).map((text) => ({ planted, text })),
    ),
  },
);
const maps: fc.Arbitrary<FieldMap> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        clientId: fc.constantFrom('client_id', 'a.b', '__proto__', 'project.workspace', '0', ''),
        clientSecret: fc.constantFrom('client_secret', 'constructor.name', 'x'),
      },
      { requiredKeys: [] },
    ),
  },
);

/** What RFC 6749 and HTTP allow where these values go, said without the parser. */
function expectUsable({ clientId, clientSecrets, scope, orgId }: Credential): void {
  expect([...clientId].every((char) => char > ' ' && char < '\x7f')).toBe(true);
  expect(clientId.length).toBeGreaterThan(0);
  expect(clientSecrets.length).toBeGreaterThan(0);
  for (const value of [...clientSecrets.map(reveal), clientId, ...(orgId === undefined ? [] : [orgId])]) {
    expect(value.length > 0 && value.length <= 4096 && value === value.trim()).toBe(true);
    expect([...value].every((char) => (char.codePointAt(0) ?? 0) >= 0x20)).toBe(true);
  }
  for (const name of scope ?? []) expect(name === name.trim() && name !== '').toBe(true);
  expect(scope?.length).not.toBe(0);
}

/** Everything that a JSON text says, its texts opened where they hold JSON. */
function textsIn(value: unknown, found: Set<string> = new Set(), depth = 0): Set<string> {
  if (depth > 50) return found;
  if (typeof value === 'string') {
    found.add(value.trim());
    for (const part of value.split(/[\s,]+/)) found.add(part);
    try {
      const inner: unknown = JSON.parse(value);
      if (typeof inner === 'object') textsIn(inner, found, depth + 1);
    } catch {}
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) textsIn(item, found, depth + 1);
  }
  return found;
}

function comesFrom(text: string, { clientId, clientSecrets }: Credential): boolean {
  const values = [clientId, ...clientSecrets.map(reveal)];
  try {
    const texts = textsIn(JSON.parse(text.trim()));
    return values.every((value) => texts.has(value));
  } catch {
    // Lines; Node's own parser takes quotes and escapes away.
    return values.every((value) => text.includes(value) || text.replaceAll('\\n', '\n').includes(value));
  }
}

describe('secrets of a store', () => {
  fuzz('secret payload', fc.tuple(payloads, maps), ([{ planted, text }, map]) => {
    let credential: Credential;
    try {
      credential = parseCredential(redact(text), 'the store', map);
    } catch (error) {
      expectOwn(error, ['ERR_SECRET_MALFORMED'], [planted.secret, planted.second ?? planted.secret]);
      return 'refused';
    }
    expectUsable(credential);
    expect(comesFrom(text, credential), 'a value that is not in the secret').toBe(true);
    return 'accepted';
  });

  const folder = mkdtempSync(join(tmpdir(), 'imsvault-fuzz-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const contents = fc.oneof(
    secrets.map((text) => Buffer.from(`${text}\n`)),
    mutatedText(secrets).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(65_535, 65_536, 65_537).map((size) => Buffer.alloc(size, 'a')),
  );
  fuzz('secret file', contents, async (bytes) => {
    writeFileSync(join(folder, 'secret'), bytes);
    try {
      const text = reveal(await readSecretFile('secret', folder, 'option'));
      const whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      expect([text, `${text}\n`, `${text}\r\n`]).toContain(whole);
      expect(text !== '' && !text.includes('\0') && bytes.length <= 65_536).toBe(true);
      return 'accepted';
    } catch (error) {
      expectOwn(
        error,
        ['ERR_SECRET_MALFORMED'],
        bytes.length > 16 && bytes.length < 1000 ? [bytes.toString('latin1')] : [],
      );
      return 'refused';
    }
  });
});
