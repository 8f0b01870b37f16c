import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { createManualClock, settle } from '../support/manual-clock.js';
import { ask, body, client, start, until } from './over-http.js';

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
