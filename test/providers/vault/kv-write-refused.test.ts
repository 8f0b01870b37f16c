import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redact } from '../../../src/redacted.js';
import { type FakeVault, type SeenRequest, startFakeVault } from './fake-vault.js';
import { documentOf, failure, isWrite, openWriter, PATH, writesOf } from './writer.js';

let server: FakeVault;

beforeEach(async () => {
  server = await startFakeVault();
  server.tokens.set('t', { ttl: 0, renewable: false });
});
afterEach(() => server.close());

const open = (config: Record<string, unknown> = {}) => openWriter(server, config);
const writes = () => writesOf(server);

const { access_token: MARKED } = documentOf(0);

describe('what cannot be written', () => {
  it('a secret that is not there, where none may be made', async () => {
    const { replace } = await open();
    expect((await failure(replace(1, null, { create: false }))).code).toBe('ERR_SECRET_NOT_FOUND');
    expect((await failure(replace(1, '4', { create: false }))).code).toBe('ERR_SECRET_VERSION_CONFLICT');
    expect(server.kv2.state(PATH)).toBeUndefined();
  });

  it('one version', async () => {
    const error = await failure((await open({ version: 3 })).replace(1, null));
    expect([error.code, error.hint]).toEqual([
      'ERR_SECRET_MALFORMED',
      'Leave out version: what is written becomes the current one.',
    ]);
    expect(writes()).toEqual([]);
  });

  it.each([MARKED, `"${MARKED}"`, `["${MARKED}"]`, 'null', '7', `{"a": "${MARKED}`])(
    'no JSON object: %s',
    async (text) => {
      for (const kvVersion of [1, 2]) {
        const { provider, ref } = await open({ kvVersion });
        const written = provider.putSecret?.(ref, redact(text)) ?? provider.replaceSecret?.(ref, redact(text), null);
        expect((await failure(written ?? expect.unreachable())).code).toBe('ERR_SECRET_MALFORMED');
      }
      expect(server.requests).toEqual([]);
    },
  );

  it.each<[string, (request: SeenRequest) => boolean, string | null]>([
    ['write', isWrite, '1'],
    ['look', ({ method }) => method === 'GET', null],
  ])('denied: the hint is the policy that it takes (%s)', async (_title, isDenied, expected) => {
    server.kv2.write(PATH, { id: 1 });
    server.override = (request) =>
      isDenied(request) ? { status: 403, body: { errors: ['permission denied'] } } : undefined;
    const error = await failure((await open({ kvVersion: 2 })).replace(2, expected));
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(error.hint).toContain(`path "secret/data/${PATH}" { capabilities = ["create", "update", "read"] }`);
  });

  it('nothing is mounted there', async () => {
    for (const kvVersion of [2, undefined]) {
      const error = await failure((await open({ mount: 'none', kvVersion })).replace(1, null));
      expect([error.code, /nothing is mounted at none/.test(error.message)]).toEqual(['ERR_SECRET_NOT_FOUND', true]);
    }
  });

  it('a mount whose version it may not know', async () => {
    server.mountsVisible = false;
    const error = await failure((await open({ mount: 'kv1' })).replace(1, null));
    expect([error.code, error.hint]).toEqual(['ERR_SECRET_ACCESS_DENIED', 'Set kvVersion to 1 or 2.']);
    expect(server.kv1.size).toBe(0);
  });

  it('a mount of version 1, found by a writer that expects version 2', async () => {
    const { replace, provider, ref } = await open({ mount: 'kv1' });
    for (const know of [() => undefined, () => provider.readSecret(ref).catch(() => undefined)]) {
      await know();
      const error = await failure(replace(1, null));
      expect(error.code).toBe('ERR_SECRET_MALFORMED');
      expect(error.hint).toContain('Set kvVersion to 1');
    }
    expect(server.kv1.size).toBe(0);
  });

  it('a mount of version 1 that the config calls version 2 does not pass for a success', async () => {
    const error = await failure((await open({ mount: 'kv1', kvVersion: 2 })).replace(1, null));
    expect([error.code, /KV version 1/.test(error.message)]).toEqual(['ERR_SECRET_MALFORMED', true]);
  });
});

describe('KV version 1', () => {
  const kv1 = { mount: 'kv1', kvVersion: 1 };

  it('is written whatever is there, and a read gives the id of the write', async () => {
    const { provider, ref, put, read } = await open(kv1);
    expect([provider.replaceSecret, provider.annotateSecret]).toEqual([undefined, undefined]);
    const { id } = await put(1);
    expect((await provider.readSecret(ref)).id).toBe(id);
    expect((await put(2)).id).not.toBe(id);
    expect(await read()).toBe(2);
    expect(server.requests.filter(({ method }) => method === 'POST').map(({ path }) => path)).toEqual([
      `kv1/${PATH}`,
      `kv1/${PATH}`,
    ]);
  });

  it('is not made where none may be made', async () => {
    const { put, read } = await open(kv1);
    expect((await failure(put(1, { create: false }))).code).toBe('ERR_SECRET_NOT_FOUND');
    expect(server.kv1.size).toBe(0);
    await put(1);
    await put(2, { create: false });
    expect(await read()).toBe(2);
  });

  it('a write whose answer was lost is unknown, and a read shows it', async () => {
    const { put, read } = await open(kv1);
    await put(1);
    server.losesAnswer = ({ method }) => method === 'POST';
    expect((await failure(put(2))).code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(await read()).toBe(2);
  });

  it.each<[number, object, string, string]>([
    [
      403,
      { errors: ['permission denied'] },
      'ERR_SECRET_ACCESS_DENIED',
      `path "kv1/${PATH}" { capabilities = ["create"`,
    ],
    [400, { errors: ['missing data fields'] }, 'ERR_SECRET_MALFORMED', "The server's own log says why."],
    [503, { errors: ['Vault is sealed'] }, 'ERR_SECRET_UNAVAILABLE', 'unseal'],
  ])('a write that is answered %i', async (status, body, code, hint) => {
    server.override = ({ method }) => (method === 'POST' ? { status, body } : undefined);
    expect(await failure((await open(kv1)).put(1))).toMatchObject({ code, hint: expect.stringContaining(hint) });
  });

  it.each([{}, { create: false }])('a mount of version 2 that the config calls version 1: %j', async (options) => {
    const error = await failure((await open({ kvVersion: 1 })).put(1, options));
    expect([error.code, error.hint]).toEqual(['ERR_SECRET_NOT_FOUND', 'Set kvVersion to 2, or leave it out.']);
  });
});
