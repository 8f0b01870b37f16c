import { once } from 'node:events';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { formatListenAddress, parseListenAddress } from '../../src/net/listen-address.js';
import { ask, KEY, LOOPBACK, onEnd, openRaw, portOf, startAgent } from './support.js';

describe('addresses', () => {
  it.each([
    ['127.0.0.1:7717', { kind: 'tcp', host: '127.0.0.1', port: 7717 }],
    ['[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
    ['0.0.0.0:65535', { kind: 'tcp', host: '0.0.0.0', port: 65_535 }],
    ['unix:/run/a b.sock', { kind: 'unix', path: '/run/a b.sock' }],
  ] as const)('%s', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
    expect(formatListenAddress(address)).toBe(text);
  });

  it('localhost means the loopback address, whatever it resolves to', () => {
    expect(parseListenAddress('localhost:1')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 1 });
  });

  it.each([
    '',
    '7717',
    ':7717',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:7717',
    '[127.0.0.1]:1',
    'example.com:1',
    'unix:',
    'unix:rel.sock',
    'unix:/a\0b',
  ])('%j is refused', (text) => {
    expect(() => parseListenAddress(text, '--health-listen')).toThrow(/^--health-listen: write /);
  });
});

describe('what other machines reach', () => {
  const everywhere = [{ kind: 'tcp', host: '0.0.0.0', port: 0 }] as const;

  it('takes a word, and TLS', async () => {
    await expect(startAgent({ listen: everywhere })).rejects.toThrow(/--allow-remote/);
    await expect(startAgent({ listen: everywhere, allowRemote: true })).rejects.toThrow(/takes TLS/);
    await expect(startAgent({ listen: [{ kind: 'tcp', host: '::', port: 0 }] })).rejects.toThrow(/--allow-remote/);
    await expect(startAgent({ listen: [] })).rejects.toThrow(/at least one/);
  });

  it('is served over TLS, under the names that were given', async () => {
    const pems = await generate([{ name: 'commonName', value: 'agent.example' }]);
    const { addresses } = await startAgent({
      listen: everywhere,
      allowRemote: true,
      hostNames: ['Agent.example'],
      tls: { cert: pems.cert, key: pems.private },
    });
    const port = portOf(addresses[0]);
    const status = (host: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { host, 'x-imsvault-token': KEY };
        const options = {
          host: '127.0.0.1',
          port,
          path: '/v1/token',
          headers,
          agent: false,
          rejectUnauthorized: false,
        };
        const asked = request(options, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.once('error', reject).end();
      });
    expect(await status(`agent.example:${port}`)).toBe(200);
    expect(await status(`other.example:${port}`)).toBe(400);
    await expect(ask(addresses[0], '/livez')).rejects.toThrow();
  });

  it('counts clients that do not shake hands, and ends them with the rest', async () => {
    const pems = await generate([{ name: 'commonName', value: 'agent.example' }]);
    const { addresses, clock, close } = await startAgent({
      tls: { cert: pems.cert, key: pems.private },
      limits: { connections: 2 },
    });
    let open = 0;
    const follow = (socket: Socket) => {
      open++;
      socket.on('error', () => undefined).once('close', () => open--);
      return socket.resume();
    };
    const shaken = follow(connect({ port: portOf(addresses[0]), host: '127.0.0.1', rejectUnauthorized: false }));
    await once(shaken, 'secureConnect');
    for (let opened = 1; opened < 110; opened++) follow(await openRaw(addresses[0]));
    await expect.poll(() => open).toBe(102);
    const closed = close(200);
    await clock.advance(200);
    await closed;
    await expect.poll(() => open).toBe(0);
  }, 5000);

  it('says which port is taken, and leaves nothing listening', async () => {
    const { addresses } = await startAgent();
    const port = portOf(addresses[0]);
    const free = { kind: 'tcp', host: '127.0.0.1', port: await freePort() } as const;
    await expect(startAgent({ listen: [free, { ...LOOPBACK, kind: 'tcp', host: '127.0.0.1', port }] })).rejects.toThrow(
      `--listen: 127.0.0.1:${port} is in use`,
    );
    await startAgent({ listen: [free] });
  });

  it('a health address may be reached by all, and has no more than that', async () => {
    const { healthAddresses } = await startAgent({ healthListen: everywhere });
    const at = { kind: 'tcp', host: '127.0.0.1', port: portOf(healthAddresses[0]) } as const;
    const anonymous = { anonymous: true, headers: { host: '10.1.2.3', 'x-forwarded-for': '10.0.0.1' } };
    expect((await ask(at, '/livez', anonymous)).status).toBe(200);
    expect((await ask(at, '/readyz', anonymous)).status).toBe(503);
    expect((await ask(at, '/metrics', anonymous)).status).toBe(200);
    for (const path of ['/', '/login?code=x', '/v1/token', '/v1/web-code']) {
      expect((await ask(at, path)).status).toBe(404);
    }
  });
});

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  onEnd(() => undefined);
  return port;
}
