import { connect } from 'node:net';
import { generate } from 'selfsigned';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import { createManualClock } from '../support/manual-clock.js';
import { ask, body, cleanUps, client, start, until } from './over-http.js';

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
