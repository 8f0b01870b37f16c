import { createServer, type Server } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  ResponseTooLarge,
} from '../../src/net/http-client.js';
import { describeNetworkError } from '../../src/net/network-error.js';
import type { ProxySettings } from '../../src/net/proxy-settings.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen<T extends Server | TcpServer>(server: T): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function client(options: HttpClientOptions = {}, proxy: ProxySettings = {}): HttpClient {
  const made = createHttpClient(systemClock, proxy, options);
  cleanups.push(() => made.close());
  return made;
}

async function fault(promise: Promise<unknown>) {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  return describeNetworkError(error);
}

describe('http client', () => {
  it('sends what it is given and returns the whole answer', async () => {
    const port = await listen(
      createServer(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        response.writeHead(201, { 'X-Twice': ['a', 'b'] });
        response.end(`${request.method} ${request.url} ${request.headers['x-in']} ${body}`);
      }),
    );
    const answer = await client().request({
      method: 'POST',
      url: `http://127.0.0.1:${port}/p?q=1`,
      headers: { 'x-in': 'v' },
      body: 'körper',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['x-twice']).toBe('a, b');
    expect(answer.body.toString()).toBe('POST /p?q=1 v körper');
  });

  it('follows no redirect', async () => {
    let requests = 0;
    const port = await listen(
      createServer((_request, response) => {
        requests++;
        response.writeHead(307, { location: '/elsewhere' }).end();
      }),
    );
    expect((await client().request({ method: 'POST', url: `http://127.0.0.1:${port}/` })).status).toBe(307);
    expect(requests).toBe(1);
  });

  it('refuses an answer over its bound, whatever the server declares', async () => {
    const port = await listen(createServer((_request, response) => void response.end('x'.repeat(2000))));
    const request = client({ maxResponseBytes: 1999 }).request({ method: 'GET', url: `http://127.0.0.1:${port}/` });
    await expect(request).rejects.toThrow(ResponseTooLarge);
    const enough = client({ maxResponseBytes: 2000 }).request({ method: 'GET', url: `http://127.0.0.1:${port}/` });
    expect((await enough).body).toHaveLength(2000);
  });

  it('ends a request at its total timeout, and at an abort', async () => {
    const port = await listen(createServer(() => undefined));
    const url = `http://127.0.0.1:${port}/`;
    expect(await fault(client({ timeouts: { totalMs: 50 } }).request({ method: 'GET', url }))).toMatchObject({
      message: 'no answer within 50 ms',
      retryable: true,
    });
    const controller = new AbortController();
    const request = client().request({ method: 'GET', url, signal: controller.signal });
    setTimeout(() => controller.abort('enough'), 20);
    await expect(request).rejects.toBe('enough');
  });

  it.each([
    ['headers', { headersMs: 100 }, 'http', '', 'no answer within the headers timeout'],
    ['the body', { bodyMs: 100 }, 'http', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', 'stopped in the middle'],
    ['a TLS handshake', { connectMs: 100 }, 'https', '', 'no connection within the connect timeout'],
  ])('does not wait longer than it may for %s', async (_title, timeouts, scheme, sent, message) => {
    const port = await listen(createTcpServer((socket) => void socket.on('error', () => undefined).write(sent)));
    const started = performance.now();
    const request = client({ timeouts }).request({ method: 'GET', url: `${scheme}://127.0.0.1:${port}/` });
    expect(await fault(request)).toMatchObject({ message: expect.stringContaining(message), retryable: true });
    expect(performance.now() - started).toBeLessThan(2500);
  });

  it('closes what it opened, and ends what is under way', async () => {
    let closed = 0;
    const server = createServer(() => undefined);
    server.on('connection', (socket) => socket.on('close', () => closed++));
    const port = await listen(server);
    const made = client();
    await made.connectAhead(`http://127.0.0.1:${port}/`);
    const pending = fault(made.request({ method: 'GET', url: `http://127.0.0.1:${port}/` }));
    await new Promise((resolve) => server.once('request', resolve));
    await made.close();
    expect(await pending).toMatchObject({ message: 'the client was closed meanwhile', retryable: false });
    await vi.waitUntil(() => closed > 0);
  });

  it('says what the network met', async () => {
    const closed = await listen(createTcpServer());
    await cleanups.pop()?.();
    expect(await fault(client().request({ method: 'GET', url: `http://127.0.0.1:${closed}/` }))).toMatchObject({
      message: 'the connection was refused',
    });
    const resetting = await listen(createTcpServer((socket) => socket.resetAndDestroy()));
    expect(await fault(client().request({ method: 'GET', url: `http://127.0.0.1:${resetting}/` }))).toMatchObject({
      retryable: true,
    });
    const gibberish = await listen(createTcpServer((socket) => socket.end('I am no HTTP server\r\n\r\n')));
    expect(
      (await fault(client().request({ method: 'GET', url: `http://127.0.0.1:${gibberish}/` })))?.message,
    ).toContain('not proper HTTP');
    const truncating = await listen(
      createTcpServer((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf')),
      ),
    );
    expect(await fault(client().request({ method: 'GET', url: `http://127.0.0.1:${truncating}/` }))).toMatchObject({
      message: 'the connection was closed in the middle',
    });
    expect(await fault(client().request({ method: 'GET', url: 'http://does-not-exist.invalid/' }))).toMatchObject({
      message: expect.stringContaining('name cannot be resolved'),
    });
  });

  it('sends nothing when it connects ahead, and uses that connection for the request', async () => {
    let connections = 0;
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.method ?? '');
      response.end('ok');
    });
    server.on('connection', () => connections++);
    const port = await listen(server);
    const ahead = client({ connections: 1 });
    await ahead.connectAhead(`http://127.0.0.1:${port}/token`);
    expect({ connections, seen }).toEqual({ connections: 1, seen: [] });
    await ahead.request({ method: 'POST', url: `http://127.0.0.1:${port}/token`, body: 'x' });
    expect({ connections, seen }).toEqual({ connections: 1, seen: ['POST'] });

    const hurried = client({ connections: 1 });
    const connecting = hurried.connectAhead(`http://127.0.0.1:${port}/token`);
    await hurried.request({ method: 'POST', url: `http://127.0.0.1:${port}/token`, body: 'x' });
    await connecting;
    expect(connections).toBe(2);
  });

  it('connects ahead once for all who ask while that connection is open', async () => {
    const seen = { connections: 0, closed: 0, requests: 0 };
    const server = createServer((_request, response) => {
      seen.requests++;
      response.end('ok');
    });
    server.on('connection', (socket) => {
      seen.connections++;
      socket.on('close', () => seen.closed++);
    });
    const url = `http://127.0.0.1:${await listen(server)}/token`;
    const ahead = client({ connections: 1 });
    await Promise.all([ahead.connectAhead(url), ahead.connectAhead(url)]);
    await ahead.request({ method: 'POST', url, body: 'x' });
    await ahead.connectAhead(url);
    await ahead.request({ method: 'POST', url, body: 'x' });
    expect(seen).toEqual({ connections: 1, closed: 0, requests: 2 });
  });

  it('gives up connecting ahead when it is closed', async () => {
    const silent = createTcpServer((socket) => void socket.on('error', () => undefined).resume());
    const port = await listen(silent);
    silent.once('connection', (socket) => cleanups.push(() => socket.destroy()));
    const made = client({ timeouts: { connectMs: 60_000 } });
    const ahead = made.connectAhead(`https://127.0.0.1:${port}/token`);
    await new Promise((resolve) => silent.once('connection', resolve));
    await made.close();
    await ahead;
  });

  it('stays silent when it cannot connect ahead', async () => {
    await expect(client().connectAhead('http://127.0.0.1:1/')).resolves.toBeUndefined();
  });

  it('goes through the proxy by CONNECT, but never for loopback', async () => {
    const target = await listen(createServer((_request, response) => void response.end('through')));
    const tunnels: string[] = [];
    const proxy = createServer((_request, response) => void response.writeHead(500).end());
    proxy.on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      const upstream = connect(target, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    const settings = { httpProxy: `http://127.0.0.1:${await listen(proxy)}` };
    const one = client({}, settings);
    const answer = await one.request({ method: 'GET', url: 'http://ims.invalid/' });
    expect(answer.body.toString()).toBe('through');
    expect(tunnels).toEqual(['ims.invalid:80']);
    await one.request({ method: 'GET', url: `http://127.0.0.1:${target}/` });
    expect(
      await fault(client({ direct: true }, settings).request({ method: 'GET', url: 'http://ims.invalid/' })),
    ).toEqual(expect.objectContaining({ message: expect.stringContaining('name cannot be resolved') }));
    expect(tunnels).toHaveLength(1);
  });

  it.each(['http://', 'http://a b', 'ftp://127.0.0.1:1'])(
    'refuses a proxy that is none (%s), and shows none of it',
    async (url) => {
      const request = client({}, { httpProxy: url }).request({ method: 'GET', url: 'http://ims.invalid/' });
      expect(await fault(request)).toMatchObject({ hint: expect.stringContaining('HTTPS_PROXY'), retryable: false });
    },
  );

  it('names a proxy that cannot be reached, without its login', async () => {
    const via = (httpProxy: string) =>
      fault(client({}, { httpProxy }).request({ method: 'GET', url: 'http://ims.invalid/' }));
    expect(await via('http://me:s3cret@127.0.0.1:1')).toEqual({
      message: 'the proxy 127.0.0.1:1 refused the connection',
      hint: 'Check HTTPS_PROXY.',
      retryable: true,
    });
    expect(await via('http://me:s3cret@proxy.invalid:3128')).toMatchObject({
      message: expect.stringMatching(/^the proxy proxy\.invalid:3128: its name cannot be resolved/),
    });
  });

  it.each([
    ['as soon as it is reached', (socket: Socket) => socket.end()],
    ['when it was asked', (socket: Socket) => socket.once('data', () => socket.end())],
    ['in the middle of its answer', (socket: Socket) => socket.once('data', () => socket.end('HTTP/1.1 20'))],
  ])('asks a proxy once that hangs up %s, and names it', async (_when, hangUp) => {
    let connections = 0;
    const proxy = createTcpServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      hangUp(socket);
    });
    const address = `127.0.0.1:${await listen(proxy)}`;
    const via = client(
      { timeouts: { totalMs: 2000 } },
      { httpProxy: `http://${address}`, httpsProxy: `http://${address}` },
    );
    for (const url of ['http://ims.invalid/', 'https://ims.invalid/']) {
      expect(await fault(via.request({ method: 'GET', url }))).toEqual({
        message: `the proxy ${address}: the connection was closed in the middle`,
        hint: 'Check HTTPS_PROXY.',
        retryable: true,
      });
    }
    expect(connections).toBe(2);
  });

  it('says when the proxy refuses', async () => {
    const proxy = createServer();
    proxy.on('connect', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    const settings = { httpProxy: `http://127.0.0.1:${await listen(proxy)}` };
    expect(await fault(client({}, settings).request({ method: 'GET', url: 'http://ims.invalid/' }))).toMatchObject({
      message: 'the proxy refused to connect',
    });
  });
});
