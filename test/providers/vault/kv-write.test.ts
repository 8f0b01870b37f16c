import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redact, reveal } from '../../../src/redacted.js';
import type { WriteOptions } from '../../../src/secret/provider.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { type FakeVault, type SeenRequest, startFakeVault } from './fake-vault.js';
import { failure as errorOf, openVault } from './open.js';

const MARKED = 'marked-access-token';
const PATH = 'ims/token';
const value = (id: number) => redact(JSON.stringify({ id, access_token: MARKED }));

let server: FakeVault;

beforeEach(async () => {
  server = await startFakeVault();
  server.tokens.set('t', { ttl: 0, renewable: false });
});
afterEach(() => server.close());

async function open(config: Record<string, unknown> = {}) {
  const auth = { method: 'token', token: 't' };
  const { provider, ref } = await openVault({ address: server.address, path: PATH, auth, ...config });
  return {
    provider,
    ref,
    read: async () => JSON.parse(reveal((await provider.readSecret(ref)).value)).id,
    replace: (id: number, expected: string | null, options?: WriteOptions) =>
      provider.replaceSecret?.(ref, value(id), expected, options) ?? expect.unreachable('it has no replaceSecret'),
    put: (id: number, options?: WriteOptions) =>
      provider.putSecret?.(ref, value(id), options) ?? expect.unreachable('it has no putSecret'),
  };
}

async function failure(promise: Promise<unknown>) {
  const error = await errorOf(promise);
  expectNoSecrets(error, [MARKED]);
  return error;
}

const isWrite = ({ method, path }: SeenRequest) => method === 'POST' && path.startsWith('secret/data/');
const writes = () => server.requests.filter(isWrite).map(({ body }) => body);
const asked = () => server.requests.map(({ method, path }) => `${method} ${path}`).filter((one) => !/auth/.test(one));
/** Another writer, between the other side's look and its write. */
function raceWith(write: () => void) {
  let raced = false;
  server.override = (request) => {
    if (isWrite(request) && !raced) {
      raced = true;
      write();
    }
    return undefined;
  };
}

describe('compare-and-swap in KV version 2', () => {
  it('makes the secret, then replaces it, and gives the new version', async () => {
    const { replace, read } = await open();
    expect(await replace(1, null)).toEqual({ id: '1' });
    expect(await replace(2, '1')).toEqual({ id: '2' });
    expect(await read()).toBe(2);
    expect(writes()).toEqual([
      { data: { id: 1, access_token: MARKED }, options: { cas: 0 } },
      { data: { id: 2, access_token: MARKED }, options: { cas: 1 } },
    ]);
  });

  it('takes one request after a read', async () => {
    server.kv2.write(PATH, {});
    const { provider, ref, replace } = await open();
    await provider.readSecret(ref);
    server.requests.length = 0;
    await replace(2, '1');
    expect(asked()).toEqual([`POST secret/data/${PATH}`]);
  });

  it.each([
    ['a stale version', '1'],
    ['null where there is a version', null],
    ['a version that is still to come', '3'],
  ])('refuses %s', async (_title, expected) => {
    server.kv2.write(PATH, { id: 1 });
    server.kv2.write(PATH, { id: 2 });
    const { replace, read } = await open();
    const error = await failure(replace(9, expected));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_VERSION_CONFLICT', true]);
    expect(await read()).toBe(2);
  });

  it.each(['a1b2-c3', '0', '-1', '1.5', ''])('refuses an id that no version has: %j', async (expected) => {
    expect((await failure((await open()).replace(9, expected))).code).toBe('ERR_SECRET_VERSION_CONFLICT');
    expect(writes()).toEqual([]);
  });

  it.each([
    ['made', null],
    ['replaced', '1'],
  ])('loses to a writer that was faster: %s', async (_title, expected) => {
    if (expected !== null) server.kv2.write(PATH, { id: 1 });
    raceWith(() => server.kv2.write(PATH, { id: 7 }));
    const { replace, read } = await open();
    expect(await failure(replace(9, expected))).toMatchObject({
      code: 'ERR_SECRET_VERSION_CONFLICT',
      cause: { status: 400 },
    });
    expect(await read()).toBe(7);
  });

  it('a write whose answer was lost is unknown, and a read shows it', async () => {
    server.kv2.write(PATH, { id: 1 });
    const { replace, read } = await open();
    expect(await read()).toBe(1);
    server.losesAnswer = isWrite;
    const error = await failure(replace(2, '1'));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', true]);
    expect(await read()).toBe(2);
    // Not repeated here: the second would look like a loss.
    expect(writes()).toHaveLength(1);
  });

  it('a refusal that is no mismatch is not taken for one', async () => {
    server.kv2.write(PATH, { id: 1 });
    server.override = (request) =>
      isWrite(request) ? { status: 400, body: { errors: [`custom plugin: no ${MARKED}`] } } : undefined;
    const error = await failure((await open()).replace(2, '1'));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_MALFORMED', false]);
    expect(error.message).toContain('refuses the request (400)');
  });

  it('a mismatch where reads show no other version comes from a node that is behind', async () => {
    server.kv2.write(PATH, { id: 1 });
    const mismatch = { errors: ['check-and-set parameter did not match the current version'] };
    server.override = (request) => (isWrite(request) ? { status: 400, body: mismatch } : undefined);
    const error = await failure((await open()).replace(2, '1'));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', true]);
    expect(error.message).toContain('answers reads late');
  });

  it('a 400 that is not from Vault says nothing about the value', async () => {
    server.kv2.write(PATH, { id: 1 });
    server.override = (request) => (isWrite(request) ? { status: 400, body: `<html>${MARKED}` } : undefined);
    expect(await failure((await open()).replace(2, '1'))).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      hint: expect.stringContaining('Check the address'),
    });
  });

  it.each([
    ['the listener', 413, ['http: request body too large']],
    ['a proxy', 413, undefined],
    ['the storage', 500, ['put failed due to value being too large; got 2097152 bytes, max: 1048576 bytes']],
  ])('is too large for %s', async (_title, status, errors) => {
    server.kv2.write(PATH, { id: 1 });
    server.override = (request) => (isWrite(request) ? { status, body: errors && { errors } } : undefined);
    const error = await failure((await open()).replace(2, '1'));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_MALFORMED', false]);
    expect(error.message).toContain('too large');
  });

  it('stays within the versions that the mount keeps', async () => {
    const { replace } = await open();
    for (let id: string | null = null, count = 0; count < 15; count++) id = (await replace(count, id)).id;
    expect([...(server.kv2.state(PATH)?.versions.keys() ?? [])]).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });
});

describe('deleted is not absent', () => {
  it.each<[string, () => void]>([
    ['deleted', () => server.kv2.delete(PATH)],
    ['destroyed', () => server.kv2.destroy(PATH, 2)],
  ])('%s: written after the last version, on condition of it', async (_title, remove) => {
    server.kv2.write(PATH, { id: 1 });
    server.kv2.write(PATH, { id: 2 });
    remove();
    for (const options of [{}, { create: false }]) {
      const { provider, ref, replace, read } = await open();
      expect((await failure(provider.readSecret(ref))).code).toBe('ERR_SECRET_NOT_FOUND');
      const { id } = await replace(3, null, options);
      expect(await read()).toBe(3);
      server.kv2.destroy(PATH, Number(id));
    }
    expect(writes().map(({ options }) => options)).toEqual([{ cas: 2 }, { cas: 3 }]);
  });

  it('loses when another writes it first', async () => {
    server.kv2.write(PATH, { id: 1 });
    server.kv2.delete(PATH);
    raceWith(() => server.kv2.write(PATH, { id: 7 }));
    const { replace, read } = await open();
    expect((await failure(replace(3, null))).code).toBe('ERR_SECRET_VERSION_CONFLICT');
    expect(await read()).toBe(7);
  });

  it('loses when another writes and deletes meanwhile', async () => {
    server.kv2.write(PATH, { id: 1 });
    server.kv2.delete(PATH);
    raceWith(() => {
      server.kv2.write(PATH, { id: 7 });
      server.kv2.delete(PATH);
    });
    expect((await failure((await open()).replace(3, null))).code).toBe('ERR_SECRET_VERSION_CONFLICT');
  });

  it('a secret that has metadata and no version is made', async () => {
    server.kv2.annotate(PATH, { custom_metadata: { owner: 'team' } });
    expect(await (await open()).replace(1, null)).toEqual({ id: '1' });
  });
});

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
