import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { openTokenEngine, type TokenEngine } from '../../src/engine/token-engine.js';
import { ImsvaultError } from '../../src/errors.js';
import { createExchanger, type Exchanger } from '../../src/ims/exchange.js';
import { redact } from '../../src/redacted.js';
import type { CredentialSource, ReadCredential } from '../../src/secret/credential-source.js';
import { createExchangeRenewal } from '../../src/token/exchange-renewal.js';
import { createBench } from '../net/servers.js';
import { createAuthority } from '../support/authority.js';

const bench = createBench();
afterEach(() => bench.closeAll());

const ANSWER = '{"access_token":"tok","token_type":"bearer","expires_in":3600}';
const found: ReadCredential = {
  credential: { clientId: 'id', clientSecrets: [redact('secret')] },
  version: { value: redact('{}'), id: '1' },
  provider: 'scripted',
};

/** An IMS that counts what reaches it. */
async function startIms(
  options: { onConnection?: (socket: Socket, count: number) => void; tls?: { cert: string; key: string } } = {},
) {
  const seen = { connections: 0, requests: 0 };
  const answer = (_request: unknown, response: { end(body: string): void }) => {
    seen.requests++;
    response.end(ANSWER);
  };
  const server: Server = options.tls === undefined ? createServer(answer) : createTlsServer(options.tls, answer);
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    seen.connections++;
    options.onConnection?.(socket, seen.connections);
  });
  const port = await bench.listen(server as Parameters<typeof bench.listen>[0]);
  return { seen, port };
}

function exchangerTo(port: number) {
  return createExchanger({
    tokenEndpoint: `http://127.0.0.1:${port}/ims/token/v3`,
    http: bench.client({ connections: 1 }),
    clock: systemClock,
    random: () => 0.01,
    timeoutMs: 5000,
    warn: () => undefined,
  });
}

function sourceOf(readCredential: CredentialSource['readCredential']): CredentialSource {
  return { name: 'scripted', readCredential };
}

function exchangeFresh(source: CredentialSource, exchanger: Exchanger, signal?: AbortSignal) {
  const warn = () => undefined;
  return createExchangeRenewal({ source, exchanger, clock: systemClock, timeoutMs: 5000, warn })(signal);
}

describe('exchange with a fresh credential', () => {
  it('connects to IMS while the secret is read, and uses that one connection', async () => {
    const ims = await startIms();
    // The read ends only when IMS has seen the connection: one after the other would never end.
    const source = sourceOf(async () => {
      await vi.waitUntil(() => ims.seen.connections === 1, { timeout: 3000 });
      expect(ims.seen.requests).toBe(0);
      return found;
    });
    const renewed = await exchangeFresh(source, exchangerTo(ims.port));
    expect(renewed.token.accessToken).toBe('tok');
    expect(renewed.source).toBe(found);
    expect(ims.seen).toEqual({ connections: 1, requests: 1 });
  });

  it('does not open a second connection when the secret is there first', async () => {
    const ims = await startIms();
    await exchangeFresh(
      sourceOf(async () => found),
      exchangerTo(ims.port),
    );
    expect(ims.seen).toEqual({ connections: 1, requests: 1 });
  });

  it('connects anew when IMS has closed the connection meanwhile', async () => {
    let first: Socket | undefined;
    const ims = await startIms({
      onConnection(socket) {
        first ??= socket;
      },
    });
    const source = sourceOf(async () => {
      await vi.waitUntil(() => first !== undefined, { timeout: 3000 });
      first?.end();
      await new Promise((resolve) => first?.on('close', resolve));
      return found;
    });
    expect((await exchangeFresh(source, exchangerTo(ims.port))).token.accessToken).toBe('tok');
    expect(ims.seen).toEqual({ connections: 2, requests: 1 });
  });

  it('tries again when the request meets a connection that is just being closed', async () => {
    const ims = await startIms({
      onConnection(socket, count) {
        if (count === 1) socket.prependListener('data', () => socket.destroy());
      },
    });
    const source = sourceOf(async () => {
      await vi.waitUntil(() => ims.seen.connections === 1, { timeout: 3000 });
      return found;
    });
    expect((await exchangeFresh(source, exchangerTo(ims.port))).token.accessToken).toBe('tok');
    expect(ims.seen.connections).toBe(2);
  });

  it("throws the store's error although IMS was reached, and nothing was sent there", async () => {
    const ims = await startIms();
    const denied = new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no');
    const source = sourceOf(async () => Promise.reject(denied));
    await expect(exchangeFresh(source, exchangerTo(ims.port))).rejects.toBe(denied);
    expect(ims.seen.requests).toBe(0);
  });

  it('does nothing for a caller who has gone, and hands the signal to both steps', async () => {
    const exchanger = { connectAhead: vi.fn(), exchange: vi.fn(async () => Promise.reject('x')), close: vi.fn() };
    const source = sourceOf(vi.fn(async () => found));
    await expect(exchangeFresh(source, exchanger, AbortSignal.abort('gone'))).rejects.toBe('gone');
    expect(exchanger.connectAhead).not.toHaveBeenCalled();
    expect(source.readCredential).not.toHaveBeenCalled();

    const { signal } = new AbortController();
    await exchangeFresh(source, exchanger, signal).catch(() => undefined);
    expect(source.readCredential).toHaveBeenCalledWith({ signal });
    expect(exchanger.exchange).toHaveBeenCalledWith(found.credential, signal, 'scripted');
  });
});

describe('a profile opened', () => {
  const env = { FUSION_CLIENT_ID: 'id', FUSION_CLIENT_SECRET: 'secret' };
  const deps = { clock: systemClock, random: Math.random, warn: () => undefined };

  it('makes one connection to IMS, over TLS that a caFile vouches for, and keeps it', async () => {
    const authority = await createAuthority('company');
    const { certificate, key } = await authority.issue({ addresses: ['127.0.0.1'] });
    const ims = await startIms({ tls: { cert: certificate, key } });
    const folder = await mkdtemp(join(tmpdir(), 'imsvault-engine-'));
    try {
      await writeFile(join(folder, 'ca.pem'), authority.certificate);
      await writeFile(join(folder, 'ca.der'), 'no PEM');
      await writeFile(join(folder, 'key.pem'), key);
      await writeFile(join(folder, 'large.pem'), authority.certificate.padEnd(1024 * 1024 + 1));
      const open = (caFile: string) =>
        openTokenEngine(
          {
            env,
            cwd: folder,
            config: { ims: { tokenEndpoint: `https://127.0.0.1:${ims.port}/ims/token/v3`, caFile } },
          },
          deps,
        );
      const { signal } = new AbortController();
      const engine = await open('ca.pem');
      expect((await engine.renew({}, signal)).token.accessToken).toBe('tok');
      await engine.renew({}, signal);
      expect(ims.seen).toEqual({ connections: 1, requests: 2 });
      await engine.close();

      for (const [file, problem] of [
        ['absent.pem', 'there is no such file'],
        ['ca.der', 'has no certificate'],
        ['key.pem', 'has no certificate'],
        ['large.pem', 'is larger than 1048576 bytes'],
        ['/dev/zero', 'is not a regular file'],
        ['.', 'is a folder'],
      ] as const) {
        await expect(open(file)).rejects.toMatchObject({
          code: 'ERR_CONFIG_INVALID',
          problems: [{ path: 'ims.caFile', message: expect.stringContaining(problem) }],
        });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ['the cache of the machine', 'cache', {}],
    ['the token store', 'token-store', { tokenStore: { provider: 'file' as const, path: 'token.json' } }],
  ])('leaves IMS alone where %s has a token', async (_title, from, shared) => {
    const ims = await startIms();
    const folder = await mkdtemp(join(tmpdir(), 'imsvault-engine-'));
    try {
      const config = {
        ims: { tokenEndpoint: `http://127.0.0.1:${ims.port}/ims/token/v3` },
        credentials: { provider: 'env' as const },
        ...shared,
      };
      const options = { env: { ...env, XDG_RUNTIME_DIR: folder }, cwd: folder, config };
      const engines: TokenEngine[] = [];
      const sources: string[] = [];
      for (let process = 1; process <= 3; process++) {
        const engine = await openTokenEngine(options, { ...deps, useCache: () => from === 'cache' });
        engines.push(engine);
        sources.push((await engine.renew({}, new AbortController().signal)).source);
      }
      expect(sources).toEqual(['env', from, from]);
      // Whatever was connected before it has arrived by now.
      await bench.client().request({ method: 'GET', url: config.ims.tokenEndpoint });
      expect(ims.seen).toEqual({ connections: 2, requests: 2 });
      await Promise.all(engines.map((engine) => engine.close()));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
