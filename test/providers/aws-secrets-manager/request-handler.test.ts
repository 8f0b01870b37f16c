import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createRequestHandler } from '../../../providers/aws-secrets-manager/request-handler.js';
import { systemClock } from '../../../src/clock.js';
import { DeadlineExceeded } from '../../../src/deadline.js';
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../../src/net/http-client.js';
import type { ProxySettings } from '../../../src/net/proxy-settings.js';

type Handle = ReturnType<typeof createRequestHandler>['handle'];
type SdkRequest = Parameters<Handle>[0];

const servers: Server[] = [];
const clients: HttpClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function handler(options: HttpClientOptions = {}, proxy: ProxySettings = {}, allowPlainHttp = false) {
  const http = createHttpClient(systemClock, proxy, options);
  clients.push(http);
  return createRequestHandler(http, allowPlainHttp);
}

/** The fields that the SDK's signer leaves on a request. */
const request = (port: number, more: Partial<SdkRequest> = {}) =>
  ({
    protocol: 'http:',
    hostname: '127.0.0.1',
    port,
    method: 'POST',
    path: '/',
    headers: {},
    query: {},
    ...more,
  }) as SdkRequest;

describe('the request handler', () => {
  it('sends method, path, query, headers and bytes, and gives status, headers and bytes back', async () => {
    const body = Uint8Array.of(0, 1, 0xff, 0x80);
    const seen: unknown[] = [];
    const port = await listen((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        seen.push(incoming.method, incoming.url, incoming.headers['x-amz-target'], Buffer.concat(chunks));
        response.writeHead(418, { 'X-Amzn-RequestId': 'r-1' }).end(Buffer.from(body));
      });
    });
    const { response } = await handler().handle(
      request(port, {
        path: '/federation/credentials',
        query: { role_name: "a b'(*)", list: ['1', '2'], flag: null },
        headers: { host: 'sts.example.com', 'x-amz-target': 't', 'content-length': '4' },
        body,
      }),
    );
    expect(seen).toEqual([
      'POST',
      '/federation/credentials?role_name=a%20b%27%28%2A%29&list=1&list=2&flag',
      't',
      Buffer.from(body),
    ]);
    expect(response).toMatchObject({ statusCode: 418, headers: { 'x-amzn-requestid': 'r-1' } });
    expect([...(response.body as Uint8Array)]).toEqual([...body]);
  });

  it('ends when the server says nothing', async () => {
    const port = await listen(() => undefined);
    await expect(handler({ timeouts: { totalMs: 100 } }).handle(request(port))).rejects.toBeInstanceOf(
      DeadlineExceeded,
    );
  });

  it('ends with the reason of the signal', async () => {
    const port = await listen(() => undefined);
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 30);
    await expect(handler().handle(request(port), { abortSignal: controller.signal })).rejects.toBe(reason);
  });

  it('follows no redirect', async () => {
    let asked = 0;
    const port = await listen((_incoming, response) => {
      asked++;
      response.writeHead(307, { location: '/other' }).end();
    });
    expect((await handler().handle(request(port))).response.statusCode).toBe(307);
    expect(asked).toBe(1);
  });

  it('goes through the proxy', async () => {
    const seen: (string | undefined)[] = [];
    const proxyPort = await listen(() => undefined);
    servers.at(-1)?.on('connect', (incoming, socket) => {
      seen.push(incoming.url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    const proxied = handler({}, { httpsProxy: `http://127.0.0.1:${proxyPort}` });
    const target = { protocol: 'https:', hostname: 'secretsmanager.eu-west-1.amazonaws.com', port: 443 };
    await expect(proxied.handle(request(0, target))).rejects.toThrow();
    expect(seen).toEqual(['secretsmanager.eu-west-1.amazonaws.com:443']);
  });

  it('sends nothing over plain http, other than to loopback, unless it is allowed', async () => {
    const seen: (string | undefined)[] = [];
    const proxyPort = await listen((incoming, response) => {
      seen.push(incoming.url);
      response.end();
    });
    servers.at(-1)?.on('connect', (incoming, socket) => {
      seen.push(incoming.url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    const proxy = { httpProxy: `http://127.0.0.1:${proxyPort}` };
    const away = request(80, { hostname: 'secrets.example.com' });
    await expect(handler({}, proxy).handle(away)).rejects.toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
    expect(seen).toEqual([]);
    await handler({}, proxy, true)
      .handle(away)
      .catch(() => undefined);
    expect(seen).toHaveLength(1);
  });

  it('keeps the connections of others when one client is destroyed', async () => {
    const port = await listen((_incoming, response) => void response.end('ok'));
    const shared = handler();
    shared.destroy?.();
    expect((await shared.handle(request(port))).response.statusCode).toBe(200);
  });
});
