import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsFault } from '../../src/testing/index.js';

const BODY = new URLSearchParams({
  grant_type: 'client_credentials',
  client_id: 'emulator-client-id',
  client_secret: 'emulator-client-secret',
  scope: 'openid',
}).toString();
const REQUEST = {
  method: 'POST',
  path: '/ims/token/v3',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: BODY,
};

function setUp() {
  const emulator = createImsEmulator();
  const ask = (request = REQUEST) => {
    const reply = emulator.handle(request);
    if (reply.kind !== 'answer') throw new Error(reply.kind);
    return reply;
  };
  return { emulator, ask };
}

const once = (fault: ImsFault) => {
  const { emulator, ask } = setUp();
  emulator.fail(fault, 1);
  return { ...ask(), exchanges: emulator.exchanges };
};

describe('what a fault answers', () => {
  it('throttled: 429, with Retry-After in either form or without', () => {
    expect(once({ kind: 'throttled', retryAfter: 30 })).toMatchObject({
      status: 429,
      headers: { 'retry-after': '30' },
    });
    const date = 'Wed, 21 Oct 2030 07:28:00 GMT';
    expect(once({ kind: 'throttled', retryAfter: date }).headers['retry-after']).toBe(date);
    expect(once({ kind: 'throttled' }).headers).not.toHaveProperty('retry-after');
    expect(once({ kind: 'throttled' }).exchanges).toBe(0);
  });

  it('internal_error: 500 with JSON; unavailable: 503 with HTML', () => {
    expect(once({ kind: 'internal_error' })).toMatchObject({ status: 500, body: '{"error":"internal_error"}' });
    const page = once({ kind: 'unavailable', retryAfter: 5 });
    expect(page).toMatchObject({ status: 503, headers: { 'content-type': 'text/html', 'retry-after': '5' } });
    expect(page.body).toMatch(/^<!DOCTYPE html>.*emulator/i);
  });

  it('response: whatever it was given', () => {
    const fault = { kind: 'response', status: 418, headers: { 'X-Debug-Id': 'mine' }, body: 'tea' } as const;
    expect(once(fault)).toMatchObject({ status: 418, headers: { 'x-debug-id': 'mine' }, body: 'tea', exchanges: 0 });
    expect(once({ kind: 'response', status: 204 }).body).toBe('');
  });

  it('redirect: 307 unless told otherwise, and no token', () => {
    const location = 'http://127.0.0.1:1/';
    expect(once({ kind: 'redirect', location })).toMatchObject({ status: 307, headers: { location }, exchanges: 0 });
    expect(once({ kind: 'redirect', location, status: 302 }).status).toBe(302);
  });

  it.each([[0], [-1], ['86399'], [1e12], [undefined]])('override: expires_in %j', (expires_in) => {
    const { status, body, exchanges } = once({ kind: 'override', json: { expires_in } });
    expect(status).toBe(200);
    const json = JSON.parse(body);
    expect(json.expires_in).toEqual(expires_in);
    expect('expires_in' in json).toBe(expires_in !== undefined);
    expect(json.token_type).toBe('bearer');
    expect(exchanges).toBe(1);
  });

  it('override leaves a refusal as it is', () => {
    const { emulator, ask } = setUp();
    emulator.fail({ kind: 'override', json: { access_token: 'x' } });
    const refusal = ask({ ...REQUEST, body: BODY.replace('openid', 'admin') });
    expect(refusal.status).toBe(400);
    expect(refusal.body).not.toContain('access_token');
  });

  it('huge: a good answer that is too long', () => {
    const { body } = once({ kind: 'huge', bytes: 100_000 });
    expect(body).toHaveLength(100_000);
    expect(JSON.parse(body).expires_in).toBe(86_399);
  });
});

describe('which requests meet a fault', () => {
  const statuses = (ask: () => { status: number }, count: number) => Array.from({ length: count }, () => ask().status);

  it('as many as were named, in the order of the calls', () => {
    const { emulator, ask } = setUp();
    emulator.fail({ kind: 'internal_error' }, 2);
    emulator.fail({ kind: 'throttled' }, 1);
    expect(statuses(ask, 4)).toEqual([500, 500, 429, 200]);
  });

  it('all, until cleared or until the next fault', () => {
    const { emulator, ask } = setUp();
    emulator.fail({ kind: 'internal_error' });
    expect(statuses(ask, 3)).toEqual([500, 500, 500]);
    emulator.fail({ kind: 'throttled' }, 1);
    expect(statuses(ask, 2)).toEqual([429, 200]);
    emulator.fail({ kind: 'internal_error' });
    emulator.clearFaults();
    expect(ask().status).toBe(200);
    expect(() => emulator.fail({ kind: 'hang' }, 0)).toThrow(RangeError);
  });

  it('token requests only, refused ones included', () => {
    const { emulator, ask } = setUp();
    emulator.fail({ kind: 'internal_error' });
    expect(ask({ ...REQUEST, method: 'GET' }).status).toBe(405);
    expect(ask({ ...REQUEST, method: 'GET', path: '/health' }).status).toBe(200);
    expect(ask({ ...REQUEST, body: '' }).status).toBe(500);
  });
});

it('every fault is in docs/testing.md', () => {
  // The type makes this list complete.
  const kinds: Record<ImsFault['kind'], true> = {
    latency: true,
    throttled: true,
    internal_error: true,
    unavailable: true,
    response: true,
    redirect: true,
    truncated: true,
    slow: true,
    hang: true,
    reset: true,
    override: true,
    huge: true,
  };
  const documented = readFileSync(new URL('../../docs/testing.md', import.meta.url), 'utf8').matchAll(
    /^\| `\{ kind: '(\w+)'/gm,
  );
  expect([...documented].map(([, kind]) => kind).sort()).toEqual(Object.keys(kinds).sort());
});
