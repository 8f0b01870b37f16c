import { describe, expect, it } from 'vitest';
import type { AccessToken } from '../../src/access-token.js';
import { ImsvaultError, TokenRequestRejectedError } from '../../src/errors.js';
import { fakeToken } from '../support/fake-token.js';
import { expectNoSecrets } from '../support/leaks.js';
import { settle } from '../support/manual-clock.js';
import { ask, profilesOf, startAgent } from './support.js';

const unavailable = (retryAfterMs?: number) =>
  new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is away', {
    hint: 'Wait.',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });

describe('GET /v1/token', () => {
  it('says everything that a program needs', async () => {
    const { addresses, clock, main } = await startAgent();
    const { status, headers, json } = await ask(addresses[0], '/v1/token');
    const now = clock.now();
    expect(status).toBe(200);
    expect(json).toEqual({
      access_token: main.peekToken()?.accessToken,
      token_type: 'bearer',
      expires_at: new Date(now + 86_400_000).toISOString(),
      expires_in: 86_400,
      issued_at: new Date(now).toISOString(),
      scope: 'openid',
      client_id: 'client',
      source: 'vault',
      profile: 'main',
      version: expect.stringMatching(/^[\w-]{22}$/),
    });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-cache': 'MISS',
      age: '0',
      etag: `W/"${json.version}"`,
    });
  });

  it('answers from memory, with the age and life of this second', async () => {
    const { addresses, clock, main } = await startAgent();
    await ask(addresses[0], '/v1/token');
    await clock.advance(59_999);
    const before = await ask(addresses[0], '/v1/token');
    expect(before.headers).toMatchObject({ 'x-cache': 'HIT', age: '59' });
    expect(before.json.expires_in).toBe(86_340);
    await clock.advance(1);
    const after = await ask(addresses[0], '/v1/token');
    expect(after.headers).toMatchObject({ 'x-cache': 'HIT', age: '60' });
    expect(after.json.expires_in).toBe(86_340);
    await clock.advance(1);
    expect((await ask(addresses[0], '/v1/token')).json.expires_in).toBe(86_339);
    clock.jump(-30_000);
    expect((await ask(addresses[0], '/v1/token')).headers).toMatchObject({ age: '30' });
    expect(main.renewals).toBe(1);
  });

  it('serves the new token from the moment that it is there', async () => {
    const { addresses, main } = await startAgent();
    const first = await ask(addresses[0], '/v1/token');
    await main.getToken({ forceRenew: true });
    const second = await ask(addresses[0], '/v1/token');
    expect(second.json.access_token).toBe(main.peekToken()?.accessToken);
    expect(second.json.version).not.toBe(first.json.version);
    expect(second.headers['x-cache']).toBe('HIT');
  });

  it('never serves a token past its floor, also when nobody asked meanwhile', async () => {
    const { addresses, clock, main } = await startAgent();
    main.renew = async () => fakeToken(clock.now(), 1000);
    const first = await ask(addresses[0], '/v1/token');
    main.renew = () => Promise.reject(unavailable());
    await clock.advance(949_999);
    expect((await ask(addresses[0], '/v1/token')).json.access_token).toBe(first.json.access_token);
    await clock.advance(1);
    expect((await ask(addresses[0], '/v1/token')).status).toBe(503);
  });

  it('serves a soft token at once and begins its renewal', async () => {
    const { addresses, clock, main } = await startAgent();
    await ask(addresses[0], '/v1/token');
    let come = (_token: AccessToken) => {};
    main.renew = () =>
      new Promise((resolve) => {
        come = resolve;
      });
    clock.jump(86_400_000 * 0.86);
    const soft = await ask(addresses[0], '/v1/token');
    expect(soft.headers['x-cache']).toBe('HIT');
    expect(main.renewals).toBe(2);
    come(fakeToken(clock.now(), 86_400));
    await settle();
    expect((await ask(addresses[0], '/v1/token')).json.version).not.toBe(soft.json.version);
  });

  it('waits for the renewal of a hard token, and falls back on it', async () => {
    const { addresses, clock, main } = await startAgent();
    const first = await ask(addresses[0], '/v1/token');
    clock.jump(86_400_000 - 200_000);
    main.renew = () => Promise.reject(unavailable());
    const fallback = await ask(addresses[0], '/v1/token');
    expect(main.renewals).toBe(2);
    expect(fallback.json.access_token).toBe(first.json.access_token);
    await clock.advance(5000);
    main.renew = async () => fakeToken(clock.now(), 86_400);
    const renewed = await ask(addresses[0], '/v1/token');
    expect(renewed.json.access_token).not.toBe(first.json.access_token);
    expect(renewed.headers['x-cache']).toBe('MISS');
  });

  it('answers 304 to whoever has this token', async () => {
    const { addresses, main } = await startAgent();
    const etag = String((await ask(addresses[0], '/v1/token')).headers.etag);
    for (const tag of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
      const { status, text, headers } = await ask(addresses[0], '/v1/token', { headers: { 'if-none-match': tag } });
      expect({ tag, status, text }).toEqual({ tag, status: 304, text: '' });
      expect(headers).toMatchObject({ etag, age: '0', 'cache-control': 'no-store' });
    }
    await main.getToken({ forceRenew: true });
    expect((await ask(addresses[0], '/v1/token', { headers: { 'if-none-match': etag } })).status).toBe(200);
  });

  it('knows profiles by name, and no others', async () => {
    const { addresses, other } = await startAgent();
    const named = await ask(addresses[0], '/v1/token?profile=other');
    expect(named.json).toMatchObject({ profile: 'other', access_token: other.peekToken()?.accessToken });
    for (const [query, status, code] of [
      ['profile=none', 404, 'ERR_AGENT_PROFILE_UNKNOWN'],
      ['profile=__proto__', 404, 'ERR_AGENT_PROFILE_UNKNOWN'],
      ['profile=', 404, 'ERR_AGENT_PROFILE_UNKNOWN'],
      ['profil=other', 400, 'ERR_AGENT_REQUEST_INVALID'],
      ['profile=main&profile=other', 400, 'ERR_AGENT_REQUEST_INVALID'],
    ] as const) {
      const refused = await ask(addresses[0], `/v1/token?${query}`);
      expect([query, refused.status, refused.json.error.code]).toEqual([query, status, code]);
    }
  });

  it('wants a name where there is no default', async () => {
    let current = profilesOf({});
    const { addresses, main } = await startAgent({ profiles: () => current });
    current = { ...profilesOf({ main }), defaultName: undefined, get: (name) => (name === 'main' ? main : undefined) };
    expect((await ask(addresses[0], '/v1/token')).json.error).toMatchObject({ code: 'ERR_AGENT_REQUEST_INVALID' });
    expect((await ask(addresses[0], '/v1/token?profile=main')).status).toBe(200);
  });

  it.each([
    [unavailable(), 503, '1'],
    [unavailable(20_000), 503, '20'],
    [new TokenRequestRejectedError('refused', { error: 'invalid_client', status: 400 }), 502, '1'],
    [new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'denied', { hint: 'Grant it.' }), 500, undefined],
  ])('says why there is no token: %s', async (error, status, retryAfter) => {
    const { addresses, main } = await startAgent();
    main.renew = () => Promise.reject(error);
    const answer = await ask(addresses[0], '/v1/token');
    expect(answer.status).toBe(status);
    const { code, message, hint, retryable } = error;
    expect(answer.json).toEqual({ error: { code, message, ...(hint === undefined ? {} : { hint }), retryable } });
    expect(answer.headers['retry-after']).toBe(retryAfter);
  });

  it('quotes no error that is not its own', async () => {
    const { addresses, main } = await startAgent();
    main.renew = () => Promise.reject(new Error('marked-p8e-secret'));
    const answer = await ask(addresses[0], '/v1/token');
    expect(answer.status).toBe(500);
    expect(answer.json.error).toEqual({ code: 'ERR_UNEXPECTED', message: 'unexpected error', retryable: false });
    expectNoSecrets(answer.text, ['marked-p8e-secret']);
  });

  it('lets clients go while others wait on', async () => {
    const { addresses, clock, main } = await startAgent();
    let come = (_token: AccessToken) => {};
    main.renew = () =>
      new Promise((resolve) => {
        come = resolve;
      });
    const gone = new AbortController();
    const left = ask(addresses[0], '/v1/token', { signal: gone.signal });
    const waiting = Promise.all(Array.from({ length: 20 }, () => ask(addresses[0], '/v1/token')));
    await expect.poll(() => main.renewals).toBe(1);
    gone.abort();
    await expect(left).rejects.toThrow();
    come(fakeToken(clock.now(), 86_400));
    const answers = await waiting;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(main.renewals).toBe(1);
  });
});

describe('POST /v1/token/renew', () => {
  const renew = (address: Parameters<typeof ask>[0], body?: string, query = '') =>
    ask(address, `/v1/token/renew${query}`, { method: 'POST', ...(body === undefined ? {} : { body }) });
  const rejected = (version: string) => JSON.stringify({ rejected_version: version });

  it('renews, by name too', async () => {
    const { addresses, main, other } = await startAgent();
    const first = await ask(addresses[0], '/v1/token');
    const second = await renew(addresses[0]);
    expect(second.status).toBe(200);
    expect(second.json.version).not.toBe(first.json.version);
    expect(second.headers['x-cache']).toBe('MISS');
    expect((await renew(addresses[0], undefined, '?profile=other')).json.profile).toBe('other');
    expect([main.renewals, other.renewals]).toEqual([2, 1]);
  });

  it('makes one exchange of many clients whose API refused the same token', async () => {
    const { addresses, main } = await startAgent();
    const { version } = (await ask(addresses[0], '/v1/token')).json;
    const answers = await Promise.all(Array.from({ length: 20 }, () => renew(addresses[0], rejected(version))));
    for (const answer of answers) expect(answer.json.version).not.toBe(version);
    expect(new Set(answers.map(({ json }) => json.version)).size).toBe(1);
    // And those who come late with it get what is there.
    for (let late = 0; late < 10; late++) expect((await renew(addresses[0], rejected(version))).status).toBe(200);
    expect(main.renewals).toBe(2);
  });

  it('allows three at once and one a minute, for each profile', async () => {
    const { addresses, clock, main } = await startAgent();
    for (let count = 0; count < 3; count++) expect((await renew(addresses[0])).status).toBe(200);
    const refused = await renew(addresses[0]);
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBe('60');
    expect(refused.json.error).toMatchObject({ code: 'ERR_AGENT_TOO_MANY_RENEWALS', retryable: true });
    expect((await renew(addresses[0], undefined, '?profile=other')).status).toBe(200);
    expect((await ask(addresses[0], '/v1/token')).status).toBe(200);
    await clock.advance(59_000);
    expect((await renew(addresses[0])).headers['retry-after']).toBe('1');
    await clock.advance(1000);
    expect((await renew(addresses[0])).status).toBe(200);
    expect((await renew(addresses[0])).status).toBe(429);
    expect(main.renewals).toBe(4);
  });

  it('fails as the renewal does, and the token that is there stays', async () => {
    const { addresses, main } = await startAgent();
    const { version } = (await ask(addresses[0], '/v1/token')).json;
    main.renew = () => Promise.reject(unavailable());
    expect((await renew(addresses[0])).status).toBe(503);
    expect((await ask(addresses[0], '/v1/token')).json.version).toBe(version);
  });

  it.each(['[]', '"x"', '{', '{"rejected_version": 7}', '{"rejected": "x"}', 'null'])(
    'refuses the body %s',
    async (body) => {
      const { addresses, main } = await startAgent();
      const refused = await renew(addresses[0], body);
      expect([refused.status, refused.json.error.code]).toEqual([400, 'ERR_AGENT_REQUEST_INVALID']);
      expect(main.renewals).toBe(0);
    },
  );
});
