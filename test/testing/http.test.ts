import { connect } from 'node:net';
import { generate } from 'selfsigned';
import { Agent, type Dispatcher, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulator, type ImsEmulatorOptions } from '../../src/testing/index.js';
import { createManualClock, settle } from '../support/manual-clock.js';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options?: ImsEmulatorOptions): Promise<ImsEmulator> {
  const emulator = await createImsEmulator(options).start();
  cleanUps.push(() => emulator.stop());
  return emulator;
}

function client(options?: Agent.Options): Dispatcher {
  const agent = new Agent(options);
  cleanUps.push(() => agent.destroy());
  return agent;
}

const body = new URLSearchParams({
  grant_type: 'client_credentials',
  client_id: 'emulator-client-id',
  client_secret: 'emulator-client-secret',
  scope: 'openid,AdobeID',
}).toString();

async function ask(emulator: ImsEmulator, dispatcher = client()) {
  const response = await request(emulator.tokenEndpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
    dispatcher,
  });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

/** Waits for what real sockets bring, on no fixed delay. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe('the server', () => {
  it('serves the same answers over a socket', async () => {
    const emulator = await start();
    expect(emulator.tokenEndpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/ims\/token\/v3$/);
    const { status, text, headers } = await ask(emulator);
    expect(status).toBe(200);
    expect(JSON.parse(text).access_token).toBe(emulator.issuedTokens()[0]);
    expect(headers['x-ims-emulator']).toBe('imsvault');
    expect(headers['content-length']).toBe(String(text.length));
  });

  it('says on its pages that it is an emulator', async () => {
    const emulator = await start({ clients: [{ clientId: '<script>', clientSecrets: ['s'] }] });
    const index = await fetch(emulator.url);
    expect(index.headers.get('content-type')).toMatch(/^text\/html/);
    const html = await index.text();
    expect(html).toMatch(/emulator/i);
    expect(html).toContain('&lt;script&gt;');
    expect(html).not.toContain('<script>');
    const health = await fetch(`${emulator.url}/health`);
    expect(await health.json()).toMatchObject({ status: 'ok', emulator: 'imsvault', tokens_issued: 0 });
    expect((await fetch(`${emulator.url}/health`, { method: 'POST' })).status).toBe(405);
  });

  it('takes its Date header from its clock', async () => {
    const emulator = await start({ clock: createManualClock(0) });
    expect((await ask(emulator)).headers.date).toBe('Thu, 01 Jan 1970 00:00:00 GMT');
  });

  it('speaks https with a certificate', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    const emulator = await start({ tls: { key, cert } });
    expect(emulator.url).toMatch(/^https:/);
    const trusting = client({ connect: { ca: cert } });
    expect((await ask(emulator, trusting)).status).toBe(200);
    await expect(ask(emulator)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    emulator.fail({ kind: 'reset' });
    await expect(ask(emulator, trusting)).rejects.toThrow();
  });

  it('listens on loopback only', async () => {
    expect(() => createImsEmulator({ host: '0.0.0.0' })).toThrow(RangeError);
    expect(() => createImsEmulator({ host: '::' })).toThrow(/loopback/);
    expect(() => createImsEmulator({ host: 'example.com' })).toThrow(/loopback/);
    expect((await start({ host: 'localhost' })).url).toMatch(/^http:\/\/localhost:/);
  });

  it('refuses a body that is too large and goes on', async () => {
    const emulator = await start();
    const response = await request(emulator.tokenEndpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `${body}&padding=${'x'.repeat(5_000_000)}`,
      dispatcher: client(),
    });
    expect(response.statusCode).toBe(413);
    await response.body.dump();
    expect((await ask(emulator)).status).toBe(200);
  });

  it('survives a client that leaves in the middle of its request', async () => {
    const emulator = await start();
    const socket = connect(Number(new URL(emulator.url).port), '127.0.0.1');
    socket.write('POST /ims/token/v3 HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\ngrant', () => socket.destroy());
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await ask(emulator)).status).toBe(200);
    expect(emulator.requests).toHaveLength(1);
  });

  it('has no address while it is not running, and starts again with what it knew', async () => {
    const emulator = createImsEmulator();
    expect(() => emulator.tokenEndpoint).toThrow(/start\(\)/);
    cleanUps.push(() => emulator.stop());
    expect(await emulator.start()).toBe(emulator);
    const { url } = emulator;
    await emulator.start();
    expect(emulator.url).toBe(url);
    await ask(emulator);
    await emulator.stop();
    expect(() => emulator.url).toThrow(/start\(\)/);
    await expect(fetch(url)).rejects.toThrow();
    await emulator.stop();
    await emulator.start();
    expect((await ask(emulator)).status).toBe(200);
    expect(emulator.exchanges).toBe(2);
  });

  it('rejects with Node’s error when its port is taken, and can be started later', async () => {
    const first = await start();
    const second = createImsEmulator({ port: Number(new URL(first.url).port) });
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await first.stop();
    cleanUps.push(() => second.stop());
    expect((await ask(await second.start())).status).toBe(200);
  });

  it('ends open connections when it stops', async () => {
    const emulator = await start();
    emulator.fail({ kind: 'hang' });
    const hanging = ask(emulator);
    hanging.catch(() => undefined);
    await until(() => emulator.requests.length === 1);
    await emulator.stop();
    await expect(hanging).rejects.toThrow();
  });
});

describe('faults that only a socket shows', () => {
  it('truncated: half of the announced body, then the end; the token was issued', async () => {
    const emulator = await start();
    emulator.fail({ kind: 'truncated' }, 1);
    const response = await request(emulator.tokenEndpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
      dispatcher: client(),
    });
    expect(response.statusCode).toBe(200);
    let received = 0;
    const reading = (async () => {
      for await (const chunk of response.body) received += chunk.length;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
    expect(received).toBe(Number(response.headers['content-length']) >> 1);
    expect(emulator.exchanges).toBe(1);
    expect((await ask(emulator)).status).toBe(200);
  });

  it('reset: the connection is reset before any answer', async () => {
    const emulator = await start();
    emulator.fail({ kind: 'reset' }, 1);
    await expect(ask(emulator)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(emulator.requests[0]).not.toHaveProperty('status');
    expect(emulator.exchanges).toBe(0);
  });

  it('hang: no answer, until the client gives up', async () => {
    const emulator = await start();
    emulator.fail({ kind: 'hang' }, 1);
    const giveUp = new AbortController();
    const hanging = fetch(emulator.tokenEndpoint, { method: 'POST', body, signal: giveUp.signal });
    hanging.catch(() => undefined);
    await until(() => emulator.requests.length === 1);
    expect((await ask(emulator)).status).toBe(200);
    giveUp.abort();
    await expect(hanging).rejects.toThrow(/abort/);
  });

  it('latency: the answer comes when its time has come, not before', async () => {
    const clock = createManualClock();
    const emulator = await start({ clock });
    emulator.fail({ kind: 'latency', ms: 3000 }, 1);
    let answered = false;
    const waiting = ask(emulator).finally(() => {
      answered = true;
    });
    await until(() => clock.pending === 1);
    await clock.advance(2999);
    await settle();
    expect(answered).toBe(false);
    await clock.advance(1);
    expect((await waiting).status).toBe(200);
  });

  it('latency: nothing is left behind when the client leaves before', async () => {
    const clock = createManualClock();
    const emulator = await start({ clock });
    emulator.fail({ kind: 'latency', ms: 3000 });
    const giveUp = new AbortController();
    const waiting = fetch(emulator.tokenEndpoint, { method: 'POST', body, signal: giveUp.signal });
    waiting.catch(() => undefined);
    await until(() => clock.pending === 1);
    giveUp.abort();
    await until(() => clock.pending === 0);
    await expect(waiting).rejects.toThrow();
  });

  it('slow: one byte at each interval', async () => {
    const clock = createManualClock();
    const emulator = await start({ clock });
    emulator.fail({ kind: 'slow', intervalMs: 100 });
    const response = await request(emulator.tokenEndpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
      dispatcher: client(),
    });
    let received = '';
    response.body.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    await clock.advance(500);
    await until(() => received.length === 5);
    await clock.advance(99);
    await settle();
    expect(received).toBe('{"acc');
    await clock.advance(Number(response.headers['content-length']) * 100);
    await until(() => response.body.readableEnded);
    expect(JSON.parse(received).access_token).toBe(emulator.issuedTokens()[0]);
  });

  it('throttled, unavailable and redirect reach the client as they are', async () => {
    const emulator = await start();
    emulator.fail({ kind: 'throttled', retryAfter: 7 }, 1);
    emulator.fail({ kind: 'unavailable' }, 1);
    emulator.fail({ kind: 'redirect', location: 'http://127.0.0.1:9/elsewhere' }, 1);
    expect(await ask(emulator)).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    expect((await ask(emulator)).text).toMatch(/<html>/);
    expect(await ask(emulator)).toMatchObject({ status: 307, headers: { location: 'http://127.0.0.1:9/elsewhere' } });
    expect((await ask(emulator)).status).toBe(200);
  });
});
