import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reveal } from '../../../src/redacted.js';
import { type FakeVault, startFakeVault } from './fake-vault.js';
import { failure, openVault } from './open.js';

const PATH = 'ims/fusion';
let server: FakeVault;

beforeEach(async () => {
  server = await startFakeVault();
  server.tokens.set('t', { ttl: 0, renewable: false });
});
afterEach(() => server.close());

async function others(config: Record<string, unknown> = {}) {
  const auth = { method: 'token', token: 't' };
  const { provider, ref } = await openVault({ address: server.address, auth, ...config });
  const versions = (await provider.readOtherVersions?.(ref)) ?? expect.unreachable('it has no readOtherVersions');
  return versions.map(({ id, value }) => [id, JSON.parse(reveal(value)).client_secret]);
}

function write(count: number) {
  for (let number = 1; number <= count; number++) server.kv2.write(PATH, { client_secret: `s${number}` });
}

describe('the version before the current one', () => {
  it('is read where there is one', async () => {
    write(4);
    expect(await others()).toEqual([['3', 's3']]);
  });

  it.each<[string, () => void, Record<string, unknown>]>([
    ['version 1 is the current one', () => write(1), {}],
    [
      'it is destroyed',
      () => {
        write(4);
        server.kv2.destroy(PATH, 3);
      },
      {},
    ],
    [
      'it is deleted',
      () => {
        write(3);
        server.kv2.delete(PATH);
        server.kv2.write(PATH, { client_secret: 's4' });
      },
      {},
    ],
    [
      'no version but the current one is kept',
      () => {
        server.kv2.annotate(PATH, { max_versions: 1 });
        write(4);
      },
      {},
    ],
    [
      'the current one is deleted',
      () => {
        write(4);
        server.kv2.delete(PATH);
      },
      {},
    ],
    ['there is no secret', () => undefined, {}],
    ['nothing is mounted', () => undefined, { mount: 'none' }],
    ['the config names a version', () => write(4), { version: 3 }],
    ['the mount is of version 1', () => server.kv1.set(PATH, { client_secret: 's' }), { mount: 'kv1' }],
    ['the config says version 1', () => server.kv1.set(PATH, { client_secret: 's' }), { mount: 'kv1', kvVersion: 1 }],
  ])('none: %s', async (_title, prepare, config) => {
    prepare();
    expect(await others(config)).toEqual([]);
  });

  it.each([
    ['current', '', 403, 'ERR_SECRET_ACCESS_DENIED'],
    ['one before', '?version=3', 403, 'ERR_SECRET_ACCESS_DENIED'],
    ['one before', '?version=3', 500, 'ERR_SECRET_UNAVAILABLE'],
  ])('the %s cannot be read (%s %i): %s', async (_title, query, status, code) => {
    write(4);
    server.override = ({ path }) =>
      path === `secret/data/${PATH}${query}` ? { status, body: { errors: ['permission denied'] } } : undefined;
    expect((await failure(others())).code).toBe(code);
  });
});
