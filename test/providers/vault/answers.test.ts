import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectNoSecrets } from '../../support/leaks.js';
import { type FakeAnswer, type FakeVault, startFakeVault } from './fake-vault.js';
import { failure, openVault } from './open.js';

const TOKEN = 'hvs.TOKEN-marked';
let server: FakeVault;

beforeEach(async () => {
  server = await startFakeVault();
  server.tokens.set(TOKEN, { ttl: 0, renewable: false });
  server.kv2.write('ims/fusion', { client_id: 'one' });
});
afterEach(() => server.close());

async function read(address = server.address) {
  const { provider, ref } = await openVault({ address, auth: { method: 'token', token: TOKEN } });
  try {
    return await provider.readSecret(ref);
  } finally {
    await provider.close?.();
  }
}

const deep = `{"data":{"metadata":{"version":1},"data":{"x":${'['.repeat(9000)}${']'.repeat(9000)}}}}`;
const date = new Date(Date.UTC(2030, 0, 1)).toUTCString();
const later = new Date(Date.UTC(2030, 0, 1, 0, 0, 7)).toUTCString();

describe('answers that bring nothing', () => {
  it.each<[string, FakeAnswer, RegExp, boolean, number | undefined]>([
    ['sealed', { status: 503, body: { errors: ['Vault is sealed'] } }, /the server is sealed \(503\)/, true, undefined],
    ['sealed (OpenBao)', { status: 503, body: { errors: ['OpenBao is sealed'] } }, /is sealed/, true, undefined],
    ['maintenance', { status: 503 }, /maintenance/, true, undefined],
    ['rate limited', { status: 429, headers: { 'retry-after': '3' } }, /too many/, true, 3000],
    ['rate limited, a date', { status: 429, headers: { date, 'retry-after': later } }, /too many/, true, 7000],
    ['failed', { status: 500, body: { errors: ['1 error: MARKED'] } }, /the server failed \(500\)/, true, undefined],
    ['gateway', { status: 502, body: '<html>MARKED</html>' }, /failed \(502\)/, true, undefined],
    ['standby', { status: 472 }, /standby/, true, undefined],
    ['standby', { status: 473 }, /standby/, true, undefined],
    ['behind', { status: 412 }, /latest write/, true, undefined],
    [
      'upgrade',
      { status: 400, body: { errors: ['Upgrading from non-versioned to versioned data. MARKED'] } },
      /being upgraded/,
      true,
      undefined,
    ],
    ['teapot', { status: 418, body: { errors: ['MARKED'] } }, /unexpected answer \(418\)/, false, undefined],
    ['HTML', { status: 200, body: '<html>MARKED</html>' }, /not one of Vault's/, false, undefined],
    ['JSON that is too deep', { status: 200, body: deep }, /not one of Vault's/, false, undefined],
    ['other JSON', { status: 200, body: { MARKED: 1 } }, /not one of Vault's|no KV/, false, undefined],
    ['empty', { status: 204 }, /not one of Vault's|unexpected/, false, undefined],
  ])('%s', async (_name, answer, message, retryable, retryAfterMs) => {
    server.override = () => answer;
    const error = await failure(read());
    expect(error.code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(server.host);
    expect([error.retryable, error.retryAfterMs]).toEqual([retryable, retryAfterMs]);
    expectNoSecrets(error, [TOKEN, 'MARKED']);
  });

  it('says host and port, and what the network did', async () => {
    await server.close();
    const error = await failure(read());
    expect(error.message).toBe(`${server.host}: the connection was refused`);
    expectNoSecrets(error, [TOKEN]);
    server = await startFakeVault();
  });

  it('refuses a body over the bound', async () => {
    server.override = () => ({ status: 200, body: 'x'.repeat(2 * 1024 * 1024) });
    const error = await failure(read());
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', false]);
  });
});

describe('redirects', () => {
  it.each([307, 308])('%i to the same server is followed once', async (status) => {
    server.override = ({ path }) =>
      path === 'secret/data/ims/fusion' && server.requests.length === 1
        ? { status, headers: { location: '/v1/secret/data/ims/fusion' } }
        : undefined;
    expect((await read()).id).toBe('1');
    expect(server.requests.map(({ token }) => token)).toEqual([TOKEN, TOKEN]);
  });

  it('keeps the body of a POST', async () => {
    server.override = () =>
      server.requests.length === 1
        ? { status: 307, headers: { location: `${server.address}/v1/auth/approle/login` } }
        : undefined;
    const { provider, ref } = await openVault({
      address: server.address,
      auth: { method: 'approle', roleId: 'role-id-1', secretId: 'hvs-SECRET-ID-marked' },
    });
    expect((await provider.readSecret(ref)).id).toBe('1');
    expect(server.requests[1]).toMatchObject({ method: 'POST', body: { role_id: 'role-id-1' } });
  });

  it('is not followed a second time', async () => {
    server.override = () => ({ status: 307, headers: { location: '/v1/secret/data/ims/fusion' } });
    const error = await failure(read());
    expect([error.code, error.retryable]).toEqual(['ERR_SECRET_UNAVAILABLE', false]);
    expect(error.message).toContain('redirected to another path');
    expect(server.requests).toHaveLength(2);
  });

  it.each([301, 302, 303])('%i is not followed: it would change the request', async (status) => {
    server.override = () => ({ status, headers: { location: '/v1/secret/data/ims/fusion' } });
    expect((await failure(read())).code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(server.requests).toHaveLength(1);
  });

  it('never leaves for another origin, another port of the same host included', async () => {
    let reached = 0;
    const other = createServer((_request, response) => {
      reached++;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    server.override = () => ({ status: 307, headers: { location: `http://127.0.0.1:${port}/v1/x?token=MARKED` } });
    const error = await failure(read());
    expect(error.message).toContain(`redirected to http://127.0.0.1:${port}, which is not followed`);
    expect(error.hint).toMatch(/active node/);
    expectNoSecrets(error, [TOKEN, 'MARKED']);
    expect(reached).toBe(0);
    other.close();
  });

  it('names no place where there is none', async () => {
    server.override = () => ({ status: 307 });
    expect((await failure(read())).message).toContain('redirected to nowhere');
  });
});
