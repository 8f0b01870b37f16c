import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as undici from 'undici';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { createTokenFetch, type TokenFetchOptions } from '../../src/http/token-fetch.js';
import type { TokenGiver } from '../../src/http/token-source.js';
import { fakeToken } from '../support/fake-token.js';
import { createHttpFixture, endlessRejection, oursOf, type Route, redirectTo } from './fixture.js';

const fixture = createHttpFixture();
afterEach(() => fixture.closeAll());

const clients = {
  'the global fetch': { fetch: undefined, Request, Headers, FormData },
  "undici's fetch": {
    fetch: undici.fetch as unknown as typeof fetch,
    Request: undici.Request as unknown as typeof Request,
    Headers: undici.Headers as unknown as typeof Headers,
    FormData: undici.FormData as unknown as typeof FormData,
  },
};

/** A provider whose held token the API refuses, and whose next one it takes. */
async function refused(routes: Record<string, Route> = {}) {
  const api = await fixture.api(routes);
  const provider = fixture.provider();
  await provider.getToken();
  api.state.accepted = fakeToken(Date.now(), 3600);
  provider.renewals.mockResolvedValueOnce(api.state.accepted);
  return { ...api, provider };
}

it('has the type of what it wraps', () => {
  const provider = fixture.provider();
  expectTypeOf(createTokenFetch(provider)).toEqualTypeOf<typeof fetch>();
  expectTypeOf(createTokenFetch(provider, { fetch: undici.fetch })).toEqualTypeOf<typeof undici.fetch>();
});

describe.each(Object.entries(clients))('%s', (_title, client) => {
  function wrap(provider: TokenGiver, allowedOrigins: string[], options: TokenFetchOptions = {}): typeof fetch {
    return createTokenFetch(provider, {
      allowedOrigins,
      ...(client.fetch === undefined ? {} : { fetch: client.fetch }),
      ...options,
    });
  }

  it('sends the token and the headers of the options', async () => {
    const { origin, seen } = await fixture.api();
    const options = { imsOrgId: 'ABC@AdobeOrg', organizationId: '12', gwRegion: 'or2' };
    const tokenFetch = wrap(fixture.provider(), [origin], options);
    const response = await tokenFetch(`${origin}/x?y=z`);
    expect(await response.text()).toBe('fine');
    expect([response.url, response.redirected]).toEqual([`${origin}/x?y=z`, false]);
    expect(oursOf(seen[0]?.headers)).toEqual({
      authorization: expect.stringMatching(/^Bearer fake-token-\d+$/),
      'x-api-key': 'client',
      'x-gw-ims-org-id': 'ABC@AdobeOrg',
      'x-organization-id': '12',
      'x-gw-region': 'or2',
    });
  });

  it.each<[string, () => NonNullable<RequestInit['headers']>]>([
    ['an object', () => ({ 'X-One': '1', 'X-Api-Key': 'mine' })],
    [
      'pairs',
      () => [
        ['X-One', '1'],
        ['X-Api-Key', 'mine'],
      ],
    ],
    ['Headers', () => new client.Headers({ 'X-One': '1', 'X-Api-Key': 'mine' })],
  ])('keeps the headers of the caller: %s', async (_name, headers) => {
    const { origin, seen } = await fixture.api();
    const tokenFetch = wrap(fixture.provider(), [origin]);
    const init = { headers: headers() };
    await tokenFetch(new URL(origin), init);
    await tokenFetch(new client.Request(origin, init));
    await tokenFetch(new client.Request(origin, { headers: { 'x-one': 'no' } }), init);
    expect(new Headers(init.headers).has('authorization')).toBe(false);
    expect(seen).toHaveLength(3);
    for (const request of seen) {
      expect(request.headers).toMatchObject({
        'x-one': '1',
        'x-api-key': 'mine',
        authorization: expect.stringMatching(/^Bearer /),
      });
    }
  });

  it('sends a Request with its method and its body, whose length stays known', async () => {
    const { origin, seen } = await fixture.api();
    const request = new client.Request(origin, { method: 'PUT', body: 'some text' });
    expect((await wrap(fixture.provider(), [origin])(request)).status).toBe(200);
    expect(seen[0]).toMatchObject({ method: 'PUT', headers: { 'content-length': '9' } });
    expect(seen[0]?.body.toString()).toBe('some text');
  });

  it('leaves other origins and an authorization of the caller’s alone', async () => {
    const [api, other] = [await fixture.api(), await fixture.api({ '/to': redirectTo('/end') })];
    const provider = fixture.provider();
    const tokenFetch = wrap(provider, [api.origin]);
    await tokenFetch(api.origin, { headers: { authorization: 'Basic abc' } });
    await tokenFetch(new client.Request(api.origin, { headers: { authorization: 'Basic abc' } }));
    expect((await tokenFetch(`${other.origin}/to`)).redirected).toBe(true);
    for (const { headers } of api.seen) expect(oursOf(headers)).toEqual({ authorization: 'Basic abc' });
    for (const { headers } of other.seen) expect(oursOf(headers)).toEqual({});
    expect(provider.renewals).not.toHaveBeenCalled();
    await expect(tokenFetch('no url')).rejects.toThrow(TypeError);
  });

  describe('a 401', () => {
    it('renews the token and sends every body that it can once more', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'imsvault-http-'));
      fixture.onClose(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, 'file'), 'some text');
      const form = new client.FormData();
      form.set('name', 'some text');
      const bodies: [NonNullable<RequestInit['body']> | null, string][] = [
        [null, ''],
        ['some text', 'some text'],
        [Buffer.from('some text'), 'some text'],
        [new TextEncoder().encode('some text').buffer as ArrayBuffer, 'some text'],
        [new URLSearchParams({ text: 'some' }), 'text=some'],
        [await openAsBlob(join(folder, 'file')), 'some text'],
        [form, 'some text'],
      ];
      for (const [body, expected] of bodies) {
        const { origin, seen, provider } = await refused();
        const response = await wrap(provider, [origin])(origin, { method: 'POST', body });
        expect([response.status, await response.text()]).toEqual([200, 'fine']);
        expect(seen).toHaveLength(2);
        for (const request of seen) expect(request.body.toString()).toContain(expected);
        expect(seen[0]?.headers['content-type']?.replace(/\d{5,}/, '')).toBe(
          seen[1]?.headers['content-type']?.replace(/\d{5,}/, ''),
        );
      }
    });

    it('of a Request without a body is retried; of one with a body, or of a stream, it is the answer', async () => {
      const { origin, provider } = await refused();
      expect((await wrap(provider, [origin])(new client.Request(origin))).status).toBe(200);
      const stream = () => new Blob(['some text']).stream() as unknown as ReadableStream<Uint8Array>;
      for (const send of [
        (call: typeof fetch, url: string) => call(new client.Request(url, { method: 'POST', body: 'some text' })),
        (call: typeof fetch, url: string) =>
          call(url, { method: 'POST', body: stream(), duplex: 'half' } as RequestInit),
      ]) {
        const api = await refused();
        const response = await send(wrap(api.provider, [api.origin]), api.origin);
        expect(response.status).toBe(401);
        expect(await response.json()).toMatchObject({ error_code: '401013' });
        expect(api.seen.map(({ body }) => body.toString())).toEqual(['some text']);
        expect(api.provider.renewals).toHaveBeenCalledTimes(1);
      }
    });

    it('is the answer when the new token is refused too; the next time without a renewal', async () => {
      const { origin, seen, state } = await fixture.api();
      state.accepted = fakeToken(0, 3600);
      const provider = fixture.provider();
      const tokenFetch = wrap(provider, [origin]);
      for (const count of [2, 3]) {
        const response = await tokenFetch(origin);
        expect([response.status, await response.json()]).toMatchObject([401, { error_code: '401013' }]);
        expect(seen).toHaveLength(count);
      }
      expect(provider.renewals).toHaveBeenCalledTimes(2);
    });

    it('leaves 403 and its API key problems alone', async () => {
      const { origin, seen } = await fixture.api({
        '/': (_request, response) => response.writeHead(403).end('{"error_code":"403003"}'),
      });
      const provider = fixture.provider();
      expect((await wrap(provider, [origin])(origin)).status).toBe(403);
      expect(seen).toHaveLength(1);
      expect(provider.renewals).toHaveBeenCalledTimes(1);
    });

    it('is one renewal for 300 requests at once, and frees its connections', async () => {
      const { origin, state } = await fixture.api();
      const provider = fixture.provider(async () => {
        await delay(20);
        state.accepted = fakeToken(Date.now(), 3600);
        return state.accepted;
      });
      await provider.getToken();
      state.accepted = fakeToken(0, 3600);
      const agent = new undici.Agent({ connections: 10 });
      fixture.onClose(() => agent.destroy());
      const tokenFetch = wrap(provider, [origin], {
        fetch: ((input: string, init: undici.RequestInit) =>
          undici.fetch(input, { ...init, dispatcher: agent })) as unknown as typeof fetch,
      });
      const texts = await Promise.all(Array.from({ length: 300 }, async () => (await tokenFetch(origin)).text()));
      expect(new Set(texts)).toEqual(new Set(['fine']));
      expect(provider.renewals).toHaveBeenCalledTimes(2);
      expect(state.connections).toBeLessThanOrEqual(20);
    });

    it('without an end is retried, or gives way to the error, and its connection is ended', async () => {
      const error = new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is down');
      for (const fails of [false, true]) {
        const old = fakeToken(Date.now(), 3600);
        const endless = endlessRejection(old);
        const { origin } = await fixture.api({ '/': endless.route });
        const provider = fixture.provider(async () => {
          if (fails) throw error;
          return fakeToken(Date.now(), 3600);
        });
        provider.renewals.mockResolvedValueOnce(old);
        await provider.getToken();
        const answer = wrap(provider, [origin])(origin);
        if (fails) await expect(answer).rejects.toBe(error);
        else expect(await (await answer).text()).toBe('fine');
        await vi.waitFor(() => expect(endless.seen.closed).toBe(1));
      }
    });
  });

  it('gives the error of getToken, as it is, at first and after a 401', async () => {
    const { origin, provider } = await refused();
    const error = new ImsvaultError('ERR_SECRET_NOT_FOUND', 'no secret');
    await expect(
      wrap(
        fixture.provider(() => Promise.reject(error)),
        [origin],
      )(origin),
    ).rejects.toBe(error);
    provider.renewals.mockReset().mockRejectedValue(error);
    await expect(wrap(provider, [origin])(origin)).rejects.toBe(error);
  });

  it('ends its wait for a token with the signal of init or of the Request', async () => {
    const { origin, seen } = await fixture.api();
    const tokenFetch = wrap(
      fixture.provider(() => new Promise(() => undefined)),
      [origin],
    );
    const abort = new AbortController();
    const answers = [
      tokenFetch(origin, { signal: abort.signal }),
      tokenFetch(new client.Request(origin, { signal: abort.signal })),
    ];
    abort.abort(new Error('enough'));
    for (const answer of answers) await expect(answer).rejects.toThrow('enough');
    expect(seen).toEqual([]);
  });

  describe('redirects', () => {
    async function servers() {
      const other = await fixture.api({ '/back': (...call) => redirectTo(`${api.origin}/end`, 307)(...call) });
      const api = await fixture.api({
        '/away': (...call) => redirectTo(`${other.origin}/end`, 307)(...call),
        '/there-and-back': (...call) => redirectTo(`${other.origin}/back`)(...call),
        '/loop': redirectTo('/loop'),
        '/data': redirectTo('data:text/plain,x'),
        '/invalid': redirectTo('http://'),
        '/nowhere': (_request, response) => response.writeHead(302).end('here'),
        '/307': redirectTo('/end', 307),
        ...Object.fromEntries([301, 302, 303, 308].map((status) => [`/${status}`, redirectTo('end?x', status)])),
      });
      return { api, other };
    }

    it.each([
      [301, 'POST', 'GET'],
      [302, 'POST', 'GET'],
      [303, 'POST', 'GET'],
      [303, 'PUT', 'GET'],
      [303, 'HEAD', 'HEAD'],
      [302, 'PUT', 'PUT'],
      [307, 'POST', 'POST'],
      [308, 'POST', 'POST'],
      [308, 'GET', 'GET'],
    ])('a %i of a %s becomes a %s, with the token, as fetch does it', async (status, method, expected) => {
      const { api } = await servers();
      const body = /GET|HEAD/.test(method) ? null : 'some text';
      const init = { method, body, headers: { 'x-one': '1', 'content-language': 'en' } };
      const response = await wrap(fixture.provider(), [api.origin])(`${api.origin}/${status}`, init);
      const bare = await fetch(`${api.origin}/${status}`, init);
      const [, ours, , theirs] = api.seen;
      expect(ours).toMatchObject({
        method: expected,
        headers: { authorization: expect.stringMatching(/^Bearer /), 'x-one': '1' },
      });
      expect([ours?.method, ours?.url, ours?.body.toString()]).toEqual([
        theirs?.method,
        theirs?.url,
        theirs?.body.toString(),
      ]);
      for (const name of ['content-type', 'content-language', 'content-length']) {
        expect(ours?.headers[name]).toBe(theirs?.headers[name]);
      }
      expect([response.url, response.redirected, response.status]).toEqual([bare.url, true, bare.status]);
    });

    it('to another origin carry nothing of ours and no login of the caller’s', async () => {
      const { api, other } = await servers();
      const options = { imsOrgId: 'ABC@AdobeOrg', organizationId: '12', gwRegion: 'or2' };
      const tokenFetch = wrap(fixture.provider(), [api.origin], options);
      const headers = { cookie: 'a=b', 'proxy-authorization': 'x', 'x-one': '1' };
      const response = await tokenFetch(`${api.origin}/away`, { method: 'POST', body: 'some text', headers });
      expect([response.url, response.redirected, await response.text()]).toEqual([`${other.origin}/end`, true, 'fine']);
      expect(Object.keys(oursOf(api.seen[0]?.headers))).toHaveLength(5);
      expect(oursOf(other.seen[0]?.headers)).toEqual({});
      expect(other.seen[0]?.headers).toMatchObject({ 'x-one': '1' });
      expect(Object.keys(other.seen[0]?.headers ?? {})).not.toContain('cookie');
      expect(Object.keys(other.seen[0]?.headers ?? {})).not.toContain('proxy-authorization');
      expect(other.seen[0]?.body.toString()).toBe('some text');
    });

    it('to another allowed origin carry the token', async () => {
      const { api, other } = await servers();
      await wrap(fixture.provider(), [api.origin, other.origin])(`${api.origin}/away`);
      expect(oursOf(other.seen[0]?.headers)).toMatchObject({ 'x-api-key': 'client' });
    });

    it('get no token on their way back from elsewhere', async () => {
      const { api, other } = await servers();
      const tokenFetch = wrap(fixture.provider(), [api.origin]);
      expect((await tokenFetch(`${api.origin}/there-and-back`)).url).toBe(`${api.origin}/end`);
      await tokenFetch(`${other.origin}/back`);
      const ends = api.seen.filter(({ url }) => url === '/end');
      expect(ends.map(({ headers }) => oursOf(headers))).toEqual([{}, {}]);
    });

    it('end after 20, and at what is no URL of HTTP, as a failed fetch', async () => {
      const { api } = await servers();
      const tokenFetch = wrap(fixture.provider(), [api.origin]);
      await expect(tokenFetch(`${api.origin}/loop`)).rejects.toMatchObject({
        name: 'TypeError',
        message: 'fetch failed',
      });
      expect(api.seen).toHaveLength(21);
      for (const path of ['/data', '/invalid'])
        await expect(tokenFetch(api.origin + path)).rejects.toThrow('fetch failed');
      expect(await (await tokenFetch(`${api.origin}/nowhere`)).text()).toBe('here');
    });

    it('of a stream or of a Request with a body end where the body is needed again', async () => {
      const { api } = await servers();
      const tokenFetch = wrap(fixture.provider(), [api.origin]);
      const send = (path: string) =>
        tokenFetch(new client.Request(api.origin + path, { method: 'POST', body: 'text' }));
      await expect(send('/307')).rejects.toMatchObject({
        cause: { message: expect.stringContaining('cannot be sent again') },
      });
      expect((await send('/303')).status).toBe(200);
      expect(api.seen.at(-1)).toMatchObject({
        method: 'GET',
        headers: { authorization: expect.stringMatching(/^Bearer /) },
      });
    });

    it('are left to the caller, or refused, when asked to', async () => {
      const { api, other } = await servers();
      const tokenFetch = wrap(fixture.provider(), [api.origin]);
      const response = await tokenFetch(`${api.origin}/away`, { redirect: 'manual' });
      expect([response.status, response.headers.get('location')]).toEqual([307, `${other.origin}/end`]);
      const request = new client.Request(`${api.origin}/away`, { redirect: 'manual' });
      expect((await tokenFetch(request)).status).toBe(307);
      await expect(tokenFetch(`${api.origin}/away`, { redirect: 'error' })).rejects.toThrow('fetch failed');
      expect(other.seen).toEqual([]);
    });
  });
});
