import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SecretMetadata } from '../../../src/secret/provider.js';
import { type FakeVault, startFakeVault } from './fake-vault.js';
import { failure, openVault } from './open.js';

const PATH = 'ims/token';
const METADATA = { expiresAt: Date.UTC(2030, 0, 2), generation: 7, clientId: 'client-1' };
const TEXTS = {
  'imsvault:expires-at': '2030-01-02T00:00:00.000Z',
  'imsvault:generation': '7',
  'imsvault:client-id': 'client-1',
};

let server: FakeVault;

beforeEach(async () => {
  server = await startFakeVault();
  server.tokens.set('t', { ttl: 0, renewable: false });
  server.kv2.write(PATH, { id: 1 });
});
afterEach(() => server.close());

async function open(config: Record<string, unknown> = {}) {
  const auth = { method: 'token', token: 't' };
  const { provider, ref } = await openVault({ address: server.address, path: PATH, auth, ...config });
  return (metadata: SecretMetadata = METADATA) =>
    provider.annotateSecret?.(ref, metadata) ?? expect.unreachable('it cannot annotate');
}

const stored = () => server.kv2.state(PATH) ?? expect.unreachable('there is no secret');
const writes = () =>
  server.requests.filter(({ method, path }) => method === 'POST' && path === `secret/metadata/${PATH}`).length;

describe('metadata of a KV version 2 secret', () => {
  it('are keys of custom_metadata, beside those of others, and a bound on the versions', async () => {
    server.kv2.annotate(PATH, { custom_metadata: { owner: 'team', 'imsvault:generation': '6' } });
    await (await open())();
    expect(stored()).toMatchObject({ custom: { owner: 'team', ...TEXTS }, maxVersions: 10, deleteVersionAfter: '0s' });
    expect(stored().current).toBe(1);
  });

  it('are written when they change, also when another changed them', async () => {
    const annotate = await open();
    await annotate();
    await annotate({ ...METADATA });
    await (await open())();
    expect(writes()).toBe(1);
    await annotate({ ...METADATA, generation: 8 });
    expect([writes(), stored().custom?.['imsvault:generation']]).toEqual([2, '8']);
    server.kv2.annotate(PATH, { custom_metadata: { owner: 'team' } });
    await annotate({ ...METADATA, generation: 8 });
    expect(stored().custom).toEqual({ owner: 'team', ...TEXTS, 'imsvault:generation': '8' });
  });

  it.each([
    [{}, 0, 10],
    [{}, 3, 3],
    [{ maxVersions: 4 }, 3, 4],
    [{ maxVersions: 25 }, 0, 25],
  ])('max_versions: option %j, there %i: %i', async (config, there, then) => {
    if (there > 0) server.kv2.annotate(PATH, { max_versions: there });
    await (await open(config))();
    expect(stored().maxVersions).toBe(then);
  });

  it.each([
    ['1m', '1m0s'],
    ['90m', '1h30m0s'],
    ['36h', '36h0m0s'],
    ['8760h', '8760h0m0s'],
  ])('delete_version_after: %s', async (deleteVersionAfter, then) => {
    const annotate = await open({ deleteVersionAfter });
    await annotate();
    await annotate();
    expect([stored().deleteVersionAfter, writes()]).toEqual([then, 1]);
  });

  it('leaves delete_version_after where no option says it', async () => {
    server.kv2.annotate(PATH, { delete_version_after: '2h0m0s' });
    await (await open())();
    expect(stored().deleteVersionAfter).toBe('2h0m0s');
  });

  it('loses nothing that another writes at the same moment, where the server can compare', async () => {
    server.override = ({ method, path }) => {
      if (method === 'POST' && path.startsWith('secret/metadata/')) {
        server.kv2.annotate(PATH, { custom_metadata: { owner: 'late' } });
      }
      return undefined;
    };
    const error = await failure((await open())());
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', true]);
    expect(error.message).toContain('another write came between');
    expect(stored().custom).toEqual({ owner: 'late' });
  });

  it('sends no comparison to a server that has none', async () => {
    server.kv2.hasMetadataCas = false;
    await (await open())();
    expect(server.requests.at(-1)?.body).not.toHaveProperty('metadata_cas');
    expect(stored().custom).toEqual(TEXTS);
  });

  it.each(['GET', 'POST'])(
    'denied (%s): the hint is the policy, no login is spent, the value stays',
    async (denied) => {
      const annotate = await open({ auth: { method: 'approle', roleId: server.roleId, secretId: server.secretId } });
      server.override = ({ method, path }) =>
        method === denied && path.startsWith('secret/metadata/')
          ? { status: 403, body: { errors: ['permission denied'] } }
          : undefined;
      for (let time = 0; time < 2; time++) {
        const error = await failure(annotate());
        expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
        expect(error.hint).toContain(`path "secret/metadata/${PATH}" { capabilities = ["read", "update"] }`);
      }
      expect(server.count('auth/approle/login')).toBe(1);
      expect([stored().current, stored().custom]).toEqual([1, null]);
    },
  );

  it('what the server refuses is an error', async () => {
    const annotate = await open();
    const error = await failure(annotate({ ...METADATA, clientId: 'x'.repeat(513) }));
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_MALFORMED', false]);
    expect(stored().custom).toBeNull();
  });

  it.each([
    ['a secret that is gone', { path: 'ims/none' }, 'ERR_SECRET_NOT_FOUND'],
    ['a mount of version 1', { mount: 'kv1' }, 'ERR_SECRET_NOT_FOUND'],
  ])('makes nothing of %s', async (_title, config, code) => {
    expect((await failure((await open(config))())).code).toBe(code);
    expect([server.kv1.size, server.kv2.state('ims/none')]).toEqual([0, undefined]);
  });

  it('an answer that is not understood writes nothing', async () => {
    server.override = ({ path }) =>
      path.startsWith('secret/metadata/') ? { status: 200, body: { data: { custom_metadata: { n: 1 } } } } : undefined;
    expect((await failure((await open())())).code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(writes()).toBe(0);
  });
});
