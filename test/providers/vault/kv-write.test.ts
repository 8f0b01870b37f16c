import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeVault, startFakeVault } from './fake-vault.js';
import { documentOf, failure, isWrite, openWriter, PATH, writesOf } from './writer.js';

let server: FakeVault;

beforeEach(async () => {
  server = await startFakeVault();
  server.tokens.set('t', { ttl: 0, renewable: false });
});
afterEach(() => server.close());

const open = (config: Record<string, unknown> = {}) => openWriter(server, config);
const writes = () => writesOf(server);
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
      { data: documentOf(1), options: { cas: 0 } },
      { data: documentOf(2), options: { cas: 1 } },
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
      isWrite(request)
        ? { status: 400, body: { errors: [`custom plugin: no ${documentOf(2).access_token}`] } }
        : undefined;
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
    server.override = (request) =>
      isWrite(request) ? { status: 400, body: `<html>${documentOf(2).access_token}` } : undefined;
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
