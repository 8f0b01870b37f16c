import { EventEmitter, once } from 'node:events';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, Client, type Dispatcher, FormData, interceptors, fetch as undiciFetch } from 'undici';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { createTokenDispatcher } from '../../src/http/token-dispatcher.js';
import { createTokenInterceptor } from '../../src/http/token-interceptor.js';
import type { TokenGiver } from '../../src/http/token-source.js';
import { createAuthority } from '../support/authority.js';
import { fakeToken } from '../support/fake-token.js';
import { createHttpFixture, endlessRejection, oursOf, type Route, redirectTo } from './fixture.js';

const fixture = createHttpFixture();
afterEach(() => fixture.closeAll());

const { redirect, retry } = interceptors;

function compose(
  provider: TokenGiver,
  allowedOrigins: string[],
  { agent = {}, above = [] }: { agent?: Agent.Options; above?: Dispatcher.DispatcherComposeInterceptor[] } = {},
) {
  const base = new Agent(agent);
  fixture.onClose(() => base.destroy());
  return base.compose(createTokenInterceptor(provider, { allowedOrigins }), ...above);
}

/** With another interceptor above, its handler is of undici's newer form. */
const FORMS: [string, { above: Dispatcher.DispatcherComposeInterceptor[] }][] = [
  ['alone', { above: [] }],
  ['under retry and redirect', { above: [retry(), redirect({ maxRedirections: 5 })] }],
];

async function get(dispatcher: Dispatcher, origin: string, options: Partial<Dispatcher.RequestOptions> = {}) {
  const { statusCode, headers, body } = await dispatcher.request({ origin, path: '/', method: 'GET', ...options });
  return { status: statusCode, headers, body: await body.text() };
}

describe('the headers', () => {
  it('are the token, its client, and those of the options', async () => {
    const { origin, seen } = await fixture.api();
    const provider = fixture.provider();
    const base = new Agent();
    fixture.onClose(() => base.destroy());
    const options = { allowedOrigins: [origin], imsOrgId: 'ABC@AdobeOrg', organizationId: '12', gwRegion: 'or2' };
    const dispatcher = base.compose(createTokenInterceptor(provider, options));
    // The first waits for the token, the second has it.
    for (let count = 0; count < 2; count++) expect((await get(dispatcher, origin)).body).toBe('fine');
    for (const { headers } of seen) {
      expect(oursOf(headers)).toEqual({
        authorization: `Bearer ${(await provider.getToken()).accessToken}`,
        'x-api-key': 'client',
        'x-gw-ims-org-id': 'ABC@AdobeOrg',
        'x-organization-id': '12',
        'x-gw-region': 'or2',
      });
    }
    expect(provider.renewals).toHaveBeenCalledTimes(1);
  });

  const own = { 'X-One': '1', 'x-API-key': 'mine', 'x-two': ['2', '3'] };
  it.each<[string, Dispatcher.DispatchOptions['headers']]>([
    ['an object', own],
    ['a flat list', ['X-One', '1', 'x-API-key', 'mine', 'x-two', '2', 'x-two', '3']],
    ['pairs', Object.entries(own)],
    ['a Map', new Map<string, string | string[]>(Object.entries(own))],
    [
      'Headers',
      new Headers([
        ['x-one', '1'],
        ['x-api-key', 'mine'],
        ['x-two', '2'],
        ['x-two', '3'],
      ]),
    ],
  ])('join those of the request, which win: %s', async (_title, headers) => {
    const { origin, seen } = await fixture.api();
    const dispatcher = compose(fixture.provider(), [origin]);
    const before = headers instanceof Headers || headers instanceof Map ? undefined : structuredClone(headers);
    await get(dispatcher, origin, { headers: headers ?? null });
    if (before !== undefined) expect(headers).toEqual(before);
    expect(seen[0]?.headers).toMatchObject({
      'x-one': '1',
      'x-api-key': 'mine',
      'x-two': '2, 3',
      authorization: expect.stringMatching(/^Bearer fake-token-/),
    });
  });

  it.each([{ Authorization: 'Basic abc' }, ['AUTHORIZATION', 'Basic abc']])(
    'leave a request with an authorization of its own alone: %j',
    async (headers) => {
      const { origin, seen } = await fixture.api();
      const provider = fixture.provider();
      await provider.getToken();
      await get(compose(provider, [origin]), origin, { headers });
      expect(oursOf(seen[0]?.headers)).toEqual({ authorization: 'Basic abc' });
    },
  );

  it('do not go to another origin, and no token is fetched for it', async () => {
    const { origin, seen } = await fixture.api();
    const provider = fixture.provider();
    const dispatcher = compose(provider, ['http://127.0.0.1:1']);
    expect((await get(dispatcher, origin, { headers: { 'x-one': '1' } })).body).toBe('fine');
    expect((await get(dispatcher, origin)).status).toBe(200);
    expect(oursOf(seen[0]?.headers)).toEqual({});
    expect(provider.renewals).not.toHaveBeenCalled();
  });

  it('take turns rightly between two origins, by text and by URL', async () => {
    const [allowed, other] = [await fixture.api(), await fixture.api()];
    const dispatcher = compose(fixture.provider(), [allowed.origin]);
    for (const { origin } of [allowed, other, allowed, other]) {
      await get(dispatcher, origin);
      await get(dispatcher, origin, { origin: new URL(origin) });
    }
    expect(allowed.seen.map(({ headers }) => 'authorization' in headers)).toEqual([true, true, true, true]);
    expect(other.seen.map(({ headers }) => 'authorization' in headers)).toEqual([false, false, false, false]);
  });

  it('need to know the origin', async () => {
    const { origin } = await fixture.api();
    const client = new Client(origin);
    fixture.onClose(() => client.destroy());
    const dispatcher = client.compose(createTokenInterceptor(fixture.provider(), { allowedOrigins: [origin] }));
    await expect(dispatcher.request({ path: '/', method: 'GET' } as never)).rejects.toThrow(/must name its origin/);
  });
});

describe.each(FORMS)('a 401, %s', (_title, form) => {
  it.each<[string, NonNullable<Dispatcher.DispatchOptions['body']> | null]>([
    ['nothing', null],
    ['a string', 'some text'],
    ['a Buffer', Buffer.from('some text')],
    ['a typed array', new TextEncoder().encode('some text')],
  ])('renews the token and sends %s once more', async (_name, body) => {
    const { origin, seen, state } = await fixture.api();
    const provider = fixture.provider();
    await provider.getToken();
    const next = fakeToken(Date.now(), 3600);
    provider.renewals.mockResolvedValueOnce(next);
    state.accepted = next;
    // Its only connection: the 401 must have been read for the second request to be sent.
    const dispatcher = compose(provider, [origin], { ...form, agent: { connections: 1 } });
    const method = body === null ? 'GET' : 'POST';
    expect(await get(dispatcher, origin, { method, body })).toMatchObject({ status: 200, body: 'fine' });
    expect(seen.map((request) => request.body.toString())).toEqual(
      body === null ? ['', ''] : ['some text', 'some text'],
    );
    expect(seen[1]?.headers.authorization).toBe(`Bearer ${next.accessToken}`);
    expect(state.connections).toBe(1);
  });

  it('comes to the caller whole when the new token is refused too, and when it is too soon for one', async () => {
    const { origin, seen, state } = await fixture.api();
    state.accepted = fakeToken(0, 3600);
    const provider = fixture.provider();
    const dispatcher = compose(provider, [origin], form);
    const refused = { status: 401, body: '{"error_code":"401013","message":"Oauth token is not valid"}' };
    expect(await get(dispatcher, origin)).toMatchObject(refused);
    expect(seen).toHaveLength(2);
    expect(await get(dispatcher, origin)).toMatchObject(refused);
    expect(await get(dispatcher, origin, { method: 'HEAD' })).toMatchObject({ status: 401, body: '' });
    expect(seen).toHaveLength(4);
    expect(provider.renewals).toHaveBeenCalledTimes(2);
  });

  it('of a HEAD is retried', async () => {
    const { origin, state } = await fixture.api();
    const provider = fixture.provider();
    await provider.getToken();
    state.accepted = fakeToken(Date.now(), 3600);
    provider.renewals.mockResolvedValueOnce(state.accepted);
    expect((await get(compose(provider, [origin], form), origin, { method: 'HEAD' })).status).toBe(200);
  });

  it.each<[string, () => Readable | AsyncIterable<string>]>([
    ['a stream', () => Readable.from(['some ', 'text'])],
    [
      'an iterator',
      async function* () {
        yield 'some text';
      },
    ],
  ])('with %s as its body goes to the caller', async (_name, body) => {
    const { origin, seen, state } = await fixture.api();
    state.accepted = fakeToken(0, 3600);
    const provider = fixture.provider();
    await provider.getToken();
    const answer = await get(compose(provider, [origin], form), origin, { method: 'POST', body: body() as Readable });
    expect(answer).toMatchObject({ status: 401, body: expect.stringContaining('401013') });
    expect(seen).toHaveLength(1);
    expect(provider.renewals).toHaveBeenCalledTimes(1);
  });

  it('is retried also where it ends its connection, or comes to a stop', async () => {
    const kinds: Route[] = [
      (_request, response) => response.writeHead(401, { connection: 'close' }).end('x'.repeat(1000)),
      (_request, response) => void response.writeHead(401).write('x'),
    ];
    for (const refuse of kinds) {
      const old = fakeToken(Date.now(), 3600);
      const route: Route = (request, response, body) =>
        request.headers.authorization === `Bearer ${old.accessToken}`
          ? refuse(request, response, body)
          : response.end('fine');
      const { origin } = await fixture.api({ '/': route });
      const provider = fixture.provider(() => delay(30).then(() => fakeToken(Date.now(), 3600)));
      provider.renewals.mockResolvedValueOnce(old);
      await provider.getToken();
      expect(await get(compose(provider, [origin], form), origin)).toMatchObject({ status: 200, body: 'fine' });
    }
  });

  it('without an end is not read while it waits, and loses its connection then', async () => {
    const old = fakeToken(Date.now(), 3600);
    const endless = endlessRejection(old);
    const { origin } = await fixture.api({ '/': endless.route });
    let hasStalled = false;
    const provider = fixture.provider(async () => {
      // Once the system has kept what it keeps for a connection.
      for (let count = 0; count < 30 && !hasStalled; count++) {
        const before = endless.seen.written;
        await delay(50);
        hasStalled = endless.seen.written === before;
      }
      return fakeToken(Date.now(), 3600);
    });
    provider.renewals.mockResolvedValueOnce(old);
    await provider.getToken();
    expect(await get(compose(provider, [origin], form), origin)).toMatchObject({ status: 200, body: 'fine' });
    expect(hasStalled).toBe(true);
    await vi.waitFor(() => expect(endless.seen.closed).toBe(1));
  });

  it('whose connection breaks while it waits is a failed request, once', async () => {
    let give: (token: ReturnType<typeof fakeToken>) => void = () => undefined;
    const { origin, seen } = await fixture.api({
      '/': (_request, response) => {
        response.writeHead(401).write('x');
        setTimeout(() => response.socket?.resetAndDestroy(), 20);
      },
    });
    const provider = fixture.provider();
    await provider.getToken();
    provider.renewals.mockImplementationOnce(() => new Promise((resolve) => (give = resolve)));
    const dispatcher = compose(provider, [origin], { above: form.above.slice(1) });
    const handler = { onRequestStart() {}, onResponseError: vi.fn(), onResponseStart: vi.fn() };
    dispatcher.dispatch({ origin, path: '/', method: 'GET' }, handler);
    const answer = get(dispatcher, origin);
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
    await vi.waitFor(() => expect(handler.onResponseError).toHaveBeenCalledTimes(1));
    give(fakeToken(Date.now(), 3600));
    await delay(50);
    expect(handler.onResponseStart).not.toHaveBeenCalled();
    expect(handler.onResponseError).toHaveBeenCalledTimes(1);
    expect(seen).toHaveLength(2);
  });

  it('is one renewal for 1,000 requests at once', async () => {
    const { origin, seen, state } = await fixture.api();
    const provider = fixture.provider(async () => {
      await delay(20);
      state.accepted = fakeToken(Date.now(), 3600);
      return state.accepted;
    });
    await provider.getToken();
    state.accepted = fakeToken(0, 3600);
    const dispatcher = compose(provider, [origin], { ...form, agent: { connections: 50, pipelining: 1 } });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => get(dispatcher, origin)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(provider.renewals).toHaveBeenCalledTimes(2);
    expect(seen.length).toBeLessThanOrEqual(2000);
    expect(state.connections).toBeLessThanOrEqual(100);
  });

  it('gives the error of the renewal, as it is', async () => {
    const { origin, state } = await fixture.api();
    const provider = fixture.provider();
    await provider.getToken();
    state.accepted = fakeToken(0, 3600);
    const error = new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is down');
    provider.renewals.mockRejectedValue(error);
    const dispatcher = compose(provider, [origin], { ...form, agent: { connections: 1 } });
    await expect(get(dispatcher, origin)).rejects.toBe(error);
    state.accepted = undefined;
    expect((await get(dispatcher, origin)).status).toBe(200);
  });

  it('can be given up while the token is renewed', async () => {
    for (const method of ['GET', 'HEAD'] as const) {
      const { origin, state } = await fixture.api();
      const provider = fixture.provider();
      await provider.getToken();
      state.accepted = fakeToken(0, 3600);
      provider.renewals.mockImplementationOnce(() => new Promise(() => undefined));
      const abort = new AbortController();
      const answer = get(compose(provider, [origin], form), origin, { method, signal: abort.signal });
      await vi.waitFor(() => expect(provider.renewals).toHaveBeenCalledTimes(2));
      abort.abort(new Error('enough'));
      await expect(answer).rejects.toThrow('enough');
    }
  });
});

describe('while the token is fetched', () => {
  it('the request can be given up, by a signal or an emitter', async () => {
    const { origin, seen } = await fixture.api();
    let give: (token: ReturnType<typeof fakeToken>) => void = () => undefined;
    const provider = fixture.provider(() => new Promise((resolve) => (give = resolve)));
    const dispatcher = compose(provider, [origin]);
    const abort = new AbortController();
    const answer = get(dispatcher, origin, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    const emitter = new EventEmitter();
    const other = get(dispatcher, origin, { signal: emitter as unknown as AbortSignal });
    emitter.emit('abort');
    give(fakeToken(Date.now(), 3600));
    await expect(other).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toEqual([]);
  });

  it('its error is the request’s, as it is, and the body is let go', async () => {
    const { origin, seen } = await fixture.api();
    const error = new ImsvaultError('ERR_SECRET_NOT_FOUND', 'no secret');
    const dispatcher = compose(
      fixture.provider(() => Promise.reject(error)),
      [origin],
    );
    const body = Readable.from(['text']);
    await expect(get(dispatcher, origin, { method: 'POST', body })).rejects.toBe(error);
    expect(body.destroyed).toBe(true);
    await expect(dispatcher.stream({ origin, path: '/', method: 'GET' }, () => expect.unreachable())).rejects.toBe(
      error,
    );
    const [thrown] = await once(
      dispatcher.pipeline({ origin, path: '/', method: 'GET' }, ({ body: out }) => out).end(),
      'error',
    );
    expect(thrown).toBe(error);
    expect(seen).toEqual([]);
  });
});

describe('redirects', () => {
  async function servers() {
    const other = await fixture.api({
      '/back': (request, response, body) => redirectTo(`${api.origin}/end`, 307)(request, response, body),
    });
    const api = await fixture.api({
      '/away': (request, response, body) => redirectTo(`${other.origin}/end`)(request, response, body),
      '/there-and-back': (request, response, body) => redirectTo(`${other.origin}/back`)(request, response, body),
      '/near': redirectTo('/end'),
    });
    return { api, other };
  }

  it('are followed by an interceptor above, with the token to allowed origins alone', async () => {
    const { api, other } = await servers();
    const provider = fixture.provider();
    const dispatcher = compose(provider, [api.origin], { above: [redirect({ maxRedirections: 5 })] });
    expect((await get(dispatcher, api.origin, { path: '/near' })).body).toBe('fine');
    expect(oursOf(api.seen[1]?.headers)).toMatchObject({ 'x-api-key': 'client' });
    expect((await get(dispatcher, api.origin, { path: '/away' })).body).toBe('fine');
    expect(oursOf(other.seen[0]?.headers)).toEqual({});
  });

  it.each(['/there-and-back', '/back'])('get no token on their way back from elsewhere: %s', async (path) => {
    const { api, other } = await servers();
    const dispatcher = compose(fixture.provider(), [api.origin], { above: [redirect({ maxRedirections: 5 })] });
    const { origin } = path === '/back' ? other : api;
    expect((await get(dispatcher, origin, { path })).body).toBe('fine');
    expect(api.seen.at(-1)?.url).toBe('/end');
    expect(oursOf(api.seen.at(-1)?.headers)).toEqual({});
  });

  it('are not followed by an interceptor beneath', async () => {
    const { api, other } = await servers();
    const base = new Agent();
    fixture.onClose(() => base.destroy());
    const token = createTokenInterceptor(fixture.provider(), { allowedOrigins: [api.origin] });
    const dispatcher = base.compose(redirect({ maxRedirections: 5 }), token);
    for (const options of [{}, { maxRedirections: 5 }]) {
      const answer = await get(dispatcher, api.origin, { path: '/away', ...options });
      expect(answer).toMatchObject({ status: 302, headers: { location: `${other.origin}/end` } });
    }
    expect(other.seen).toEqual([]);
    // What has no token is none of our business.
    expect((await get(dispatcher, other.origin, { path: '/back' })).status).toBe(200);
    expect(oursOf(api.seen.at(-1)?.headers)).toEqual({});
  });
});

describe('createTokenDispatcher', () => {
  it('is ready for use, over TLS and HTTP/2, retry included', async () => {
    const authority = await createAuthority('authority');
    const { certificate: cert, key } = await authority.issue({ addresses: ['127.0.0.1'] });
    const versions: string[] = [];
    const { port, seen, state } = await fixture.api({}, (listener) => {
      const server: Http2SecureServer = createSecureServer({ cert, key }, (request, response) => {
        versions.push(request.httpVersion);
        listener(request as never, response as never);
      });
      return server as never;
    });
    const origin = `https://127.0.0.1:${port}`;
    const provider = fixture.provider();
    await provider.getToken();
    state.accepted = fakeToken(Date.now(), 3600);
    provider.renewals.mockResolvedValueOnce(state.accepted);
    const agent = { connect: { ca: authority.certificate }, allowH2: true };
    const dispatcher = await createTokenDispatcher(provider, { allowedOrigins: [origin] }, agent);
    fixture.onClose(() => dispatcher.destroy());
    expect(await get(dispatcher, origin, { method: 'POST', body: 'text' })).toMatchObject({
      status: 200,
      body: 'fine',
    });
    expect(seen.map(({ body }) => body.toString())).toEqual(['text', 'text']);
    expect(versions).toEqual(['2.0', '2.0']);
  });
});

it('takes the FormData of undici a second time', async () => {
  const { origin, seen, state } = await fixture.api();
  const provider = fixture.provider();
  await provider.getToken();
  state.accepted = fakeToken(Date.now(), 3600);
  provider.renewals.mockResolvedValueOnce(state.accepted);
  const body = new FormData();
  body.set('name', 'some text');
  expect((await get(compose(provider, [origin]), origin, { method: 'POST', body })).status).toBe(200);
  for (const request of seen) expect(request.body.toString()).toContain('some text');
  expect(seen).toHaveLength(2);
});

it.each<[string, typeof undiciFetch]>([
  ['the global fetch', globalThis.fetch as unknown as typeof undiciFetch],
  ["undici's fetch", undiciFetch],
])('serves %s as its dispatcher', async (_name, client) => {
  const other = await fixture.api();
  const { origin, seen, state } = await fixture.api({ '/away': redirectTo(`${other.origin}/`) });
  const provider = fixture.provider();
  await provider.getToken();
  state.accepted = fakeToken(Date.now(), 3600);
  provider.renewals.mockResolvedValueOnce(state.accepted);
  const dispatcher = compose(provider, [origin]);
  expect(await (await client(origin, { dispatcher })).text()).toBe('fine');
  expect((await client(origin, { method: 'POST', body: 'some text', dispatcher })).status).toBe(200);
  expect((await client(`${origin}/away`, { dispatcher })).status).toBe(200);
  expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST', 'GET']);
  expect(oursOf(seen[3]?.headers)).toMatchObject({ 'x-api-key': 'client' });
  expect(oursOf(other.seen[0]?.headers)).toEqual({});
});
