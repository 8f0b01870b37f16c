import { createServer as createTcpServer } from 'node:net';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeNetworkError } from '../../src/net/network-error.js';
import { type Authority, createAuthority } from '../support/authority.js';
import type { KeyPair } from '../support/azure/certificates.js';
import { createBench, createTlsTarget, createTunnel } from './servers.js';

const bench = createBench();
afterEach(() => bench.closeAll());

let authority: Authority;
let other: Authority;
let localhost: KeyPair;

beforeAll(async () => {
  [authority, other] = await Promise.all([createAuthority('authority'), createAuthority('other')]);
  localhost = await authority.issue({ names: ['localhost'], addresses: ['127.0.0.1'] });
});

async function fault(promise: Promise<unknown>) {
  return promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => describeNetworkError(error),
  );
}

const get = (url: string) => ({ method: 'GET', url });

describe('TLS', () => {
  it('trusts an authority that is named, alone or in a list', async () => {
    const target = createTlsTarget(localhost);
    const url = `https://localhost:${await bench.listen(target.server)}/`;
    for (const ca of [authority.certificate, [other.certificate, authority.certificate]]) {
      expect((await bench.client({ tls: { ca } }).request(get(url))).body.toString()).toBe('fine');
    }
    expect(target.seen.serverNames).toEqual(['localhost', 'localhost']);
  });

  it('refuses an unknown authority, and says where to name it', async () => {
    const target = createTlsTarget(localhost);
    const url = `https://localhost:${await bench.listen(target.server)}/`;
    for (const tls of [{}, { ca: other.certificate }]) {
      const found = await fault(bench.client({ tls }).request(get(url)));
      expect(found).toMatchObject({ message: expect.stringMatching(/^TLS failed \(UNABLE_TO_/), retryable: false });
      expect(found?.hint).toMatch(/caFile.*NODE_EXTRA_CA_CERTS/);
    }
    expect(target.seen.requests).toBe(0);
  });

  it('refuses a certificate for another name', async () => {
    const target = createTlsTarget(await authority.issue({ names: ['elsewhere.test'] }));
    const port = await bench.listen(target.server);
    const client = bench.client({ tls: { ca: authority.certificate } });
    for (const host of ['localhost', '127.0.0.1']) {
      const found = await fault(client.request(get(`https://${host}:${port}/`)));
      expect(found).toMatchObject({ message: 'its TLS certificate is for another name', retryable: false });
      expect(found?.hint).toContain('address');
    }
    expect(target.seen.requests).toBe(0);
  });

  it.each([
    ['an expired certificate', -20, -10, 'its TLS certificate has expired'],
    ['one that is not valid yet', 10, 20, 'its TLS certificate is not valid yet'],
  ])('refuses %s', async (_title, fromDays, toDays, message) => {
    const day = (days: number) => new Date(Date.now() + days * 86_400_000);
    const pair = await authority.issue({ names: ['localhost'], notBefore: day(fromDays), notAfter: day(toDays) });
    const port = await bench.listen(createTlsTarget(pair).server);
    const client = bench.client({ tls: { ca: authority.certificate } });
    const found = await fault(client.request(get(`https://localhost:${port}/`)));
    expect(found).toMatchObject({ message, retryable: false });
    expect(found?.hint).toContain('clock');
  });

  it.each(['localhost', '127.0.0.1'])('checks and asks for serverName instead of the host %s', async (host) => {
    const target = createTlsTarget(await authority.issue({ names: ['vault.example.test'] }));
    const url = `https://${host}:${await bench.listen(target.server)}/`;
    const named = { ca: authority.certificate, serverName: 'vault.example.test' };
    expect((await bench.client({ tls: named }).request(get(url))).status).toBe(200);
    expect(target.seen.serverNames).toEqual(['vault.example.test']);
    const wrong = bench.client({ tls: { ...named, serverName: 'other.example.test' } });
    expect(await fault(wrong.request(get(url)))).toMatchObject({ message: 'its TLS certificate is for another name' });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('shows its client certificate with %s', async (version) => {
    const pair = await authority.issue({ names: ['my-client'] });
    const target = createTlsTarget(localhost, {
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: version,
      maxVersion: version,
    });
    const url = `https://localhost:${await bench.listen(target.server)}/`;
    const tls = { ca: authority.certificate, cert: pair.certificate, key: pair.key };
    expect((await bench.client({ tls }).request(get(url))).status).toBe(200);
    expect(target.seen.clients).toEqual(['my-client']);
    const found = await fault(bench.client({ tls: { ca: authority.certificate } }).request(get(url)));
    // TLS 1.3 lets the client begin before the server has judged it: Node's server then just closes.
    if (version === 'TLSv1.2') expect(found?.hint).toContain('client certificate');
    expect(target.seen.requests).toBe(1);
  });

  it('says that a key does not belong to its certificate', async () => {
    const url = `https://localhost:${await bench.listen(createTlsTarget(localhost).server)}/`;
    const tls = { ca: authority.certificate, cert: localhost.certificate, key: (await authority.issue()).key };
    expect(await fault(bench.client({ tls }).request(get(url)))).toMatchObject({
      message: expect.stringContaining('TLS failed'),
      retryable: false,
    });
  });

  it('says when the port speaks no TLS', async () => {
    const plain = createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const url = `https://localhost:${await bench.listen(plain)}/`;
    const found = await fault(bench.client().request(get(url)));
    expect(found).toMatchObject({ message: expect.stringContaining('TLS failed'), retryable: false });
    expect(found?.hint).toContain('port');
  });
});

describe('TLS through a proxy', () => {
  it('is from end to end, with the host of the URL or serverName', async () => {
    const target = createTlsTarget(await authority.issue({ names: ['ims.test', 'inside.test'] }));
    const tunnel = createTunnel(await bench.listen(target.server));
    const httpsProxy = `http://me:p%40ss@127.0.0.1:${await bench.listen(tunnel.server)}`;
    const ca = authority.certificate;
    const client = bench.client({ tls: { ca }, connections: 1 }, { httpsProxy });
    expect((await client.request(get('https://ims.test/'))).body.toString()).toBe('fine');
    const authorization = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(tunnel.tunnels).toEqual([{ to: 'ims.test:443', authorization }]);

    const named = bench.client({ tls: { ca, serverName: 'inside.test' } }, { httpsProxy });
    expect((await named.request(get('https://outside.test:8200/'))).status).toBe(200);
    expect(tunnel.tunnels.at(-1)?.to).toBe('outside.test:8200');
    expect(target.seen.serverNames).toEqual(['ims.test', 'inside.test']);
  });

  it('refuses an unknown authority and a wrong name behind the proxy', async () => {
    const target = createTlsTarget(await authority.issue({ names: ['ims.test'] }));
    const tunnel = createTunnel(await bench.listen(target.server));
    const httpsProxy = `http://127.0.0.1:${await bench.listen(tunnel.server)}`;
    const unknown = await fault(bench.client({}, { httpsProxy }).request(get('https://ims.test/')));
    expect(unknown?.hint).toContain('caFile');
    const client = bench.client({ tls: { ca: authority.certificate } }, { httpsProxy });
    expect(await fault(client.request(get('https://wrong.test/')))).toMatchObject({
      message: 'its TLS certificate is for another name',
      retryable: false,
    });
    expect(target.seen.requests).toBe(0);
  });

  it('makes the whole way ahead, once, and nothing reaches the server', async () => {
    const target = createTlsTarget(await authority.issue({ names: ['ims.test'] }));
    const tunnel = createTunnel(await bench.listen(target.server));
    const httpsProxy = `http://127.0.0.1:${await bench.listen(tunnel.server)}`;
    const client = bench.client({ tls: { ca: authority.certificate }, connections: 1 }, { httpsProxy });
    await client.connectAhead('https://ims.test/ims/token/v3');
    // With TLS 1.3 the client is done half a round trip before the server.
    await vi.waitUntil(() => target.seen.connections === 1);
    expect(target.seen.requests).toBe(0);
    await client.request({ method: 'POST', url: 'https://ims.test/ims/token/v3', body: 'x' });
    expect(target.seen).toMatchObject({ connections: 1, requests: 1 });
    expect(tunnel.tunnels).toHaveLength(1);
  });

  it("says that it is the proxy's certificate which is not trusted", async () => {
    const tunnel = createTunnel(1, await other.issue({ names: ['localhost'] }));
    const port = await bench.listen(tunnel.server);
    const found = await fault(
      bench.client({}, { httpsProxy: `https://localhost:${port}` }).request(get('https://ims.test/')),
    );
    expect(found).toMatchObject({ message: expect.stringContaining('TLS failed'), retryable: false });
  });

  it('names a proxy whose certificate is for another name, and asks it once', async () => {
    const tunnel = createTunnel(1, await authority.issue({ names: ['other.test'] }));
    const host = `localhost:${await bench.listen(tunnel.server)}`;
    const found = await fault(
      bench.client({}, { httpsProxy: `https://me:s3cret@${host}` }).request(get('https://ims.test/')),
    );
    expect(found?.message).toMatch(new RegExp(`^the proxy ${host}: .*TLS`));
  });

  it('does not wait for a silent proxy longer than for a connection, and recovers', async () => {
    const target = createTlsTarget(await authority.issue({ names: ['ims.test'] }));
    const tunnel = createTunnel(await bench.listen(target.server));
    let silent = true;
    const proxy = createTcpServer((socket) => {
      if (silent) return;
      tunnel.server.emit('connection', socket);
    });
    const httpsProxy = `http://127.0.0.1:${await bench.listen(proxy)}`;
    const client = bench.client(
      { tls: { ca: authority.certificate }, connections: 1, timeouts: { connectMs: 300, totalMs: 5000 } },
      { httpsProxy },
    );
    const started = performance.now();
    expect(await fault(client.request(get('https://ims.test/')))).toMatchObject({ retryable: true });
    expect(performance.now() - started).toBeLessThan(3000);
    silent = false;
    expect((await client.request(get('https://ims.test/'))).status).toBe(200);
  });
});
