import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reveal } from '../../../src/redacted.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { type FakeVault, startFakeVault } from './fake-vault.js';
import { failure, openVault } from './open.js';

let server: FakeVault;

beforeEach(async () => {
  server = await startFakeVault();
  server.tokens.set('t', { ttl: 0, renewable: false });
});
afterEach(() => server.close());

async function open(config: Record<string, unknown> = {}) {
  const { provider, ref } = await openVault({
    address: server.address,
    auth: { method: 'token', token: 't' },
    ...config,
  });
  return { provider, read: () => provider.readSecret(ref), describe: () => provider.describe(ref) };
}

const paths = () => server.requests.map(({ path }) => path).filter((path) => !path.startsWith('auth/'));

describe('KV version 2', () => {
  it('gives the value, the version, when it was written, and the time of the answer', async () => {
    server.kv2.write('ims/fusion', { client_id: 'one', nested: { a: [1] } });
    const version = await (await open()).read();
    expect(JSON.parse(reveal(version.value))).toEqual({ client_id: 'one', nested: { a: [1] } });
    expect(version).toMatchObject({ id: '1', createdAt: Date.UTC(2029, 0, 1) });
    expect(Math.abs((version.serverTime ?? 0) - Date.now())).toBeLessThan(5000);
  });

  it('reads an older version where one is named', async () => {
    server.kv2.write('ims/fusion', { client_id: 'one' });
    server.kv2.write('ims/fusion', { client_id: 'two' });
    const { read, describe } = await open({ version: 1 });
    expect((await read()).id).toBe('1');
    expect(paths()).toEqual(['secret/data/ims/fusion?version=1']);
    expect(describe()).toBe(`secret/ims/fusion (version 1) at ${server.address}`);
  });

  it('encodes what a path may hold', async () => {
    server.kv2.write('a b/c?d#e&f/%41"<\'ü', { client_id: 'odd' });
    expect((await (await open({ path: 'a b/c?d#e&f/%41"<\'ü' })).read()).id).toBe('1');
  });

  it('sends the namespace and says it', async () => {
    server.kv2.write('ims/fusion', { client_id: 'one' });
    const { read, describe } = await open({ namespace: 'team/app' });
    await read();
    expect(server.requests[0]).toMatchObject({ namespace: 'team/app', vaultRequest: 'true', token: 't' });
    expect(describe()).toContain(', namespace team/app');
  });
});

describe('finding out the version', () => {
  it('asks about the mount once when version 2 gives nothing, and remembers', async () => {
    server.kv1.set('ims/fusion', { client_id: 'one' });
    const { read } = await open({ mount: 'kv1' });
    const first = await read();
    expect(first.id).toMatch(/^[\w-]{16}$/);
    expect((await read()).id).toBe(first.id);
    expect(paths()).toEqual(['kv1/data/ims/fusion', 'sys/internal/ui/mounts/kv1', 'kv1/ims/fusion', 'kv1/ims/fusion']);
  });

  it('remembers version 2 as well', async () => {
    server.kv2.write('ims/fusion', { client_id: 'one' });
    const { provider, read } = await open();
    await read();
    await failure(provider.readSecret({ mount: 'secret', path: 'ims/none' }));
    expect(paths()).toEqual(['secret/data/ims/fusion', 'secret/data/ims/none']);
  });

  it('does not ask where kvVersion says it', async () => {
    server.kv1.set('ims/fusion', { client_id: 'one' });
    await (await open({ mount: 'kv1', kvVersion: 1 })).read();
    expect(paths()).toEqual(['kv1/ims/fusion']);
  });

  it.each([
    ['kv1', 'kv1/data/ims/fusion'],
    ['kv1', undefined],
  ])('%s: falls back on both ways where it may not know (denied: %s)', async (mount, deniedPath) => {
    server.mountsVisible = false;
    if (deniedPath !== undefined) server.deniedPaths.add(deniedPath);
    server.kv1.set('ims/fusion', { client_id: 'one' });
    const { read } = await open({ mount });
    await read();
    await read();
    expect(paths().at(-2)).toBe('kv1/ims/fusion');
    expect(paths().at(-1)).toBe('kv1/ims/fusion');
  });

  it.each([
    ['absent both ways', [], 'ERR_SECRET_NOT_FOUND'],
    ['denied both ways', ['secret/data/ims/fusion', 'secret/ims/fusion'], 'ERR_SECRET_ACCESS_DENIED'],
    ['absent one way, denied the other', ['secret/ims/fusion'], 'ERR_SECRET_ACCESS_DENIED'],
    ['denied one way, absent the other', ['secret/data/ims/fusion'], 'ERR_SECRET_ACCESS_DENIED'],
  ])('%s, where it may not know', async (_title, deniedPaths, code) => {
    server.mountsVisible = false;
    for (const path of deniedPaths) server.deniedPaths.add(path);
    const error = await failure((await open()).read());
    expect(error.code).toBe(code);
    if (deniedPaths.length === 1) expect(error.hint).toContain('kvVersion');
  });

  it('refuses to read what is no KV engine: a read may have effects there', async () => {
    const error = await failure((await open({ mount: 'pki' })).read());
    expect(error.code).toBe('ERR_SECRET_MALFORMED');
    expect(paths()).toEqual(['pki/data/ims/fusion', 'sys/internal/ui/mounts/pki']);
  });

  it('says that version 1 keeps no versions', async () => {
    server.kv1.set('ims/fusion', { client_id: 'one' });
    const error = await failure((await open({ mount: 'kv1', version: 3 })).read());
    expect([error.code, error.hint]).toEqual(['ERR_SECRET_MALFORMED', 'Leave out version.']);
  });
});

describe('what is not there', () => {
  it.each([
    [{}, /there is no such secret/, /case-sensitive/],
    [{ path: 'data/ims/fusion' }, /no such secret/, /Leave "data\/"/],
    [{ path: 'secret/ims/fusion' }, /no such secret/, /Leave "secret\/"/],
    [{ path: 'there', version: 9 }, /no version 9/, /Check version.*case-sensitive/],
    [{ path: 'gone' }, /version 2 is deleted/, /undelete/],
    [{ mount: 'nowhere' }, /nothing is mounted at nowhere\//, /mount and namespace/],
    [{ path: 'there', kvVersion: 1 }, /KV version 2/, /Set kvVersion to 2/],
  ])('%j', async (config, message, hint) => {
    server.kv2.write('there', { a: 1 });
    server.kv2.write('gone', { a: 1 });
    server.kv2.write('gone', { a: 2 });
    server.kv2.delete('gone');
    const error = await failure((await open(config)).read());
    expect(error.code).toBe('ERR_SECRET_NOT_FOUND');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(error.retryable).toBe(false);
  });
});

describe('a 404 that is not from Vault', () => {
  const HTML = '<html>404 MARKED</html>';
  const bodies: [string, unknown][] = [
    ['HTML', HTML],
    ['empty', undefined],
    ['JSON text', '"not found"'],
    ['null', 'null'],
    ['another JSON', { message: 'MARKED', status: 404 }],
    ['errors that are no texts', { errors: [{ title: 'MARKED' }] }],
    ['data without a version', { data: null }],
  ];

  it.each(bodies.flatMap(([title, body]) => [undefined, 1, 2].map((kv) => [title, kv, body] as const)))(
    '%s, kvVersion %s: nothing is known of the secret',
    async (_title, kvVersion, body) => {
      server.override = () => ({ status: 404, body });
      const error = await failure((await open({ kvVersion })).read());
      expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', false]);
      expect(error.hint).toBe('What answered is not Vault: check the address and the proxy.');
      expectNoSecrets(error, ['MARKED']);
    },
  );

  it.each(['secret/data/', 'sys/internal/', 'secret/ims/'])('at one step alone: %s', async (step) => {
    server.mountsVisible = false;
    server.override = ({ path }) => (path.startsWith(step) ? { status: 404, body: HTML } : undefined);
    expect((await failure((await open()).read())).code).toBe('ERR_SECRET_UNAVAILABLE');
  });
});

describe('an address that ends in /v1', () => {
  it.each<[string, object]>([
    ['no mount', {}],
    ['denied', { auth: { method: 'token', token: 'unknown' } }],
    ['no login', { auth: { method: 'approle', roleId: 'r', secretId: 's' } }],
  ])('%s: the hint says to leave it out', async (_title, config) => {
    const asked = async (address: string) =>
      (await failure((await open({ address, mount: 'm', ...config })).read())).hint;
    expect(await asked(`${server.address}/v1/`)).toContain(', or leave /v1 out of the address.');
    expect(await asked(server.address)).not.toContain('/v1');
  });
});

describe('what is denied', () => {
  it.each([
    ['secret', 'secret/data/ims/fusion'],
    ['kv1', 'kv1/ims/fusion'],
  ])('%s: the hint is the policy that it takes', async (mount, policyPath) => {
    server.deniedPaths.add(policyPath);
    const error = await failure((await open({ mount })).read());
    expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
    expect(error.hint).toContain(`path "${policyPath}" { capabilities = ["read"] }`);
    expect(error.cause).toMatchObject({ status: 403 });
  });
});
