import { describe, expect, it } from 'vitest';
import { ask, KEY, onEnd, openRaw, portOf, sendRaw, startAgent } from './support.js';

const GUARDED: readonly [string, string][] = [
  ['GET', '/v1/token'],
  ['POST', '/v1/token/renew'],
  ['POST', '/v1/web-code'],
  ['GET', '/metrics'],
];
const host = (port: number) => `Host: 127.0.0.1:${port}\r\n`;
const withKey = (port: number) => `${host(port)}X-Imsvault-Token: ${KEY}\r\n`;

describe('the required header', () => {
  it.each(GUARDED)('%s %s is for those who have the token alone', async (method, path) => {
    const { addresses, main } = await startAgent();
    for (const given of [undefined, '', 'x', `${KEY}x`, KEY.toUpperCase(), ` ${KEY.slice(1)}`]) {
      const headers = given === undefined ? {} : { 'x-imsvault-token': given };
      const { status, json } = await ask(addresses[0], path, { method, anonymous: true, headers });
      expect([given, status, json.error.code]).toEqual([given, 403, 'ERR_AGENT_FORBIDDEN']);
    }
    expect(main.renewals).toBe(0);
    expect((await ask(addresses[0], path, { method })).status).toBe(200);
  });

  it('counts once', async () => {
    const { addresses } = await startAgent();
    const port = portOf(addresses[0]);
    const answer = await sendRaw(
      addresses[0],
      `GET /v1/token HTTP/1.1\r\n${withKey(port)}X-Imsvault-Token: ${KEY}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 .*ERR_AGENT_REQUEST_INVALID/s);
  });
});

describe('what a browser or a proxy could be made to send', () => {
  it.each([
    ['Host', 'evil.example'],
    ['Host', 'evil.example:{port}'],
    ['Host', '127.0.0.1'],
    ['Host', '127.0.0.1:1'],
    ['Host', '127.0.0.1:{port}.evil.example'],
    ['Host', '0.0.0.0:{port}'],
  ])('%s: %s is refused', async (name, value) => {
    const { addresses } = await startAgent();
    const port = portOf(addresses[0]);
    for (const path of ['/v1/token', '/livez', '/', '/login?code=x']) {
      const { status, json } = await ask(addresses[0], path, {
        headers: { [name]: value.replace('{port}', String(port)) },
      });
      expect([path, status, json?.error.code]).toEqual([path, 400, 'ERR_AGENT_HOST']);
    }
  });

  it.each(['localhost', 'LocalHost', '127.0.0.1', '[::1]'])('%s with the port is the agent', async (name) => {
    const { addresses } = await startAgent();
    const { status } = await ask(addresses[0], '/v1/token', { headers: { host: `${name}:${portOf(addresses[0])}` } });
    expect(status).toBe(200);
  });

  it.each(['X-Forwarded-For', 'x-forwarded-host', 'Forwarded'])('%s is refused', async (name) => {
    const { addresses } = await startAgent();
    const { status, json, headers } = await ask(addresses[0], '/v1/token', { headers: { [name]: '10.0.0.1' } });
    expect([status, json.error.code, headers.connection]).toEqual([400, 'ERR_AGENT_FORWARDED', 'close']);
  });

  it.each([
    ['POST', '/v1/token', 'GET, HEAD'],
    ['OPTIONS', '/v1/token', 'GET, HEAD'],
    ['TRACE', '/livez', 'GET, HEAD'],
    ['GET', '/v1/token/renew', 'POST'],
    ['PUT', '/v1/web-code', 'POST'],
    ['DELETE', '/', 'GET, HEAD'],
  ])('%s %s is 405', async (method, path, allow) => {
    const { addresses } = await startAgent();
    const { status, headers } = await ask(addresses[0], path, { method });
    expect([status, headers.allow]).toEqual([405, allow]);
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('answers HEAD as GET, without a body', async () => {
    const { addresses } = await startAgent();
    const { status, text, headers } = await ask(addresses[0], '/v1/token', { method: 'HEAD' });
    expect([status, text]).toEqual([200, '']);
    expect(Number(headers['content-length'])).toBeGreaterThan(100);
  });
});

describe('requests that are no honest HTTP', () => {
  it.each([
    [
      'both lengths',
      'POST /v1/token/renew HTTP/1.1\r\n{key}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['two lengths', 'POST /v1/token/renew HTTP/1.1\r\n{key}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 400],
    ['chunks', 'POST /v1/token/renew HTTP/1.1\r\n{key}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n', 411],
    ['an encoding nobody knows', 'POST /v1/token/renew HTTP/1.1\r\n{key}Transfer-Encoding: xchunked\r\n\r\n', 411],
    ['a bare line feed', 'GET /v1/token HTTP/1.1\n{key}\n\n', 400],
    ['white space before the colon', 'GET /v1/token HTTP/1.1\r\n{key}Content-Length : 5\r\n\r\nhello', 400],
    ['a folded header', 'GET /v1/token HTTP/1.1\r\n{key}X-A: b\r\n c\r\nX-Forwarded-For: 1\r\n\r\n', 400],
    ['two hosts', 'GET /v1/token HTTP/1.1\r\n{key}Host: evil.example\r\n\r\n', 400],
    ['no host', 'GET /v1/token HTTP/1.1\r\nX-Imsvault-Token: {token}\r\n\r\n', 400],
    ['an empty host', 'GET /v1/token HTTP/1.1\r\nHost:\r\nX-Imsvault-Token: {token}\r\n\r\n', 400],
    ['no host in HTTP/1.0', 'GET /v1/token HTTP/1.0\r\nX-Imsvault-Token: {token}\r\n\r\n', 400],
    ['the absolute form', 'GET http://127.0.0.1/v1/token HTTP/1.1\r\n{key}Connection: close\r\n\r\n', 404],
    ['a path with dots', 'GET /livez/../v1/token HTTP/1.1\r\n{key}Connection: close\r\n\r\n', 404],
    ['a path with an encoded slash', 'GET /v1%2Ftoken HTTP/1.1\r\n{key}Connection: close\r\n\r\n', 404],
    ['a path that doubles a slash', 'GET //v1/token HTTP/1.1\r\n{key}Connection: close\r\n\r\n', 404],
    ['a body of 1025 bytes', 'POST /v1/token/renew HTTP/1.1\r\n{key}Content-Length: 1025\r\n\r\n', 413],
    ['a body at GET', 'GET /v1/token HTTP/1.1\r\n{key}Content-Length: 999999\r\n\r\n', 413],
    ['a head of 9 KiB', `GET /v1/token HTTP/1.1\r\n{key}X-A: ${'a'.repeat(9 * 1024)}\r\n\r\n`, 431],
    ['a URL of 9 KiB', `GET /v1/token?profile=${'a'.repeat(9 * 1024)} HTTP/1.1\r\n{key}\r\n`, 431],
  ])('%s', async (_name, text, status) => {
    const { addresses, main } = await startAgent();
    const port = portOf(addresses[0]);
    const answer = await sendRaw(addresses[0], text.replace('{key}', withKey(port)).replace('{token}', KEY));
    // One answer, and the connection ends with it: what follows is never taken for a request.
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`]);
    expect(answer).not.toContain('access_token');
    expect(main.renewals).toBe(0);
  });

  it('never takes a refused body for a second request', async () => {
    const { addresses, main } = await startAgent();
    const port = portOf(addresses[0]);
    const inner = `POST /v1/token/renew HTTP/1.1\r\n${withKey(port)}\r\n`;
    const answer = await sendRaw(
      addresses[0],
      `POST /v1/token/renew HTTP/1.1\r\n${host(port)}Content-Length: ${inner.length + 2000}\r\n\r\n${inner}`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413']);
    expect(main.renewals).toBe(0);
  });

  it('CONNECT goes nowhere', async () => {
    const { addresses } = await startAgent();
    const port = portOf(addresses[0]);
    expect(await sendRaw(addresses[0], `CONNECT 127.0.0.1:${port} HTTP/1.1\r\n${withKey(port)}\r\n`)).toBe('');
  });
});

describe('clients that dawdle', () => {
  const limits = { headersTimeoutMs: 200, requestTimeoutMs: 400 };

  it.each([
    ['a head that never ends', 'GET /v1/token HTTP/1.1\r\nX-A: b\r\n'],
    ['nothing at all', ''],
    ['a body that never comes', 'POST /v1/token/renew HTTP/1.1\r\n{key}Content-Length: 2\r\n\r\n{'],
  ])('%s', async (_name, text) => {
    const { addresses } = await startAgent({ limits });
    const port = portOf(addresses[0]);
    const answer = await sendRaw(addresses[0], text.replace('{key}', withKey(port)), 3000);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('many connections', () => {
  it('1,000 are served, the next ones told 429, and health has its own', async () => {
    const { addresses, healthAddresses } = await startAgent({
      healthListen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
    });
    const port = portOf(addresses[0]);
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => openRaw(addresses[0])));
    const above = await ask(addresses[0], '/v1/token');
    expect([above.status, above.json.error.code]).toEqual([429, 'ERR_AGENT_TOO_MANY_CONNECTIONS']);
    expect(above.headers).toMatchObject({ connection: 'close', 'retry-after': '1' });
    expect((await ask(healthAddresses[0], '/livez', { anonymous: true })).status).toBe(200);
    const firstLine = (index: number) =>
      new Promise<string>((resolve) => {
        const socket = sockets[index];
        socket?.once('data', (data) => resolve(String(data).split('\r\n')[0] ?? ''));
        socket?.write(`GET /v1/token HTTP/1.1\r\n${withKey(port)}\r\n`);
      });
    expect(new Set(await Promise.all(sockets.map((_, index) => firstLine(index))))).toEqual(
      new Set(['HTTP/1.1 200 OK']),
    );
    for (const socket of sockets.slice(0, 10)) socket.destroy();
    await expect.poll(async () => (await ask(addresses[0], '/v1/token')).status).toBe(200);
  }, 20_000);

  it('who came above the limit and says nothing is sent away; far above it, at once', async () => {
    const { addresses, clock } = await startAgent({ limits: { connections: 1 } });
    await openRaw(addresses[0]);
    const silent = await openRaw(addresses[0]);
    const closed = new Promise<void>((resolve) => silent.once('close', () => resolve()));
    await expect.poll(() => clock.pending).toBe(1);
    await clock.advance(1000);
    await closed;
    await Promise.all(Array.from({ length: 100 }, () => openRaw(addresses[0])));
    const last = await openRaw(addresses[0]);
    await new Promise<void>((resolve) => {
      last.on('error', () => undefined).once('close', () => resolve());
      last.resume();
    });
  });
});

describe('the end', () => {
  it('lets what runs end, within its bound, and takes nothing new', async () => {
    const { addresses, clock, main, close } = await startAgent();
    let come = () => {};
    const usual = main.renew;
    main.renew = async () => {
      await new Promise<void>((resolve) => {
        come = resolve;
      });
      return usual();
    };
    const idle = await openRaw(addresses[0]);
    const underWay = ask(addresses[0], '/v1/token', { headers: { connection: 'keep-alive' } });
    await expect.poll(() => main.renewals).toBe(1);
    const closed = close(10_000);
    await expect(ask(addresses[0], '/livez')).rejects.toThrow('ECONNREFUSED');
    come();
    const { status, headers } = await underWay;
    expect([status, headers.connection]).toEqual([200, 'close']);
    idle.destroy();
    await closed;
    expect(clock.pending).toBe(1);
  });

  it('ends what does not', async () => {
    const { addresses, clock, main, close } = await startAgent();
    main.renew = () => new Promise(() => undefined);
    const underWay = ask(addresses[0], '/v1/token');
    underWay.catch(() => undefined);
    onEnd(() => underWay.catch(() => undefined));
    await expect.poll(() => main.renewals).toBe(1);
    const closed = close(10_000);
    await clock.advance(9999);
    const early = await Promise.race([closed.then(() => 'closed'), Promise.resolve('open')]);
    expect(early).toBe('open');
    await clock.advance(1);
    await closed;
    await expect(underWay).rejects.toThrow();
  });
});
