import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { createAuthorizer, type TokenGiver, type TokenRequestOptions } from '../../src/http/index.js';
import { blockOf } from '../docs/blocks.js';
import { fakeToken } from '../support/fake-token.js';
import { createHttpFixture, oursOf, redirectTo } from './fixture.js';

const fixture = createHttpFixture();
afterEach(() => fixture.closeAll());

const root = new URL('../../', import.meta.url);

interface Call {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Readable;
  signal?: AbortSignal;
}

type Client = (call: Call) => Promise<{ status: number; body: string }>;
type Create = (provider: TokenGiver, options: TokenRequestOptions) => Promise<Client>;

/** The files that docs/http.md shows. */
const load = (name: string) => import(fileURLToPath(new URL(`examples/fusion-api/${name}.mjs`, root)));

const clients: Record<string, Create> = {
  async axios(provider, options) {
    const { createAxios } = await load('axios');
    const client = createAxios(provider, options, {
      responseType: 'text',
      validateStatus: (status: number) => status !== 401,
    });
    return async ({ body: data, ...call }) => {
      const answer = await client
        .request({ ...call, data })
        .catch((error: { response?: unknown }) => error.response ?? Promise.reject(error));
      return { status: answer.status, body: answer.data };
    };
  },
  async got(provider, options) {
    const { createGot } = await load('got');
    const client = createGot(provider, options, { prefixUrl: '', throwHttpErrors: false, retry: { limit: 0 } });
    return async ({ url, ...call }) => {
      const { statusCode, body } = await client(url, call);
      return { status: statusCode, body };
    };
  },
};

it.each([
  ['axios', blockOf('docs/http.md', "from 'axios'")],
  ['got', blockOf('docs/http.md', "from 'got'")],
])('docs/http.md shows examples/fusion-api/%s.mjs', async (name, { text }) => {
  expect(text).toBe(await readFile(new URL(`examples/fusion-api/${name}.mjs`, root), 'utf8'));
});

describe.each(Object.entries(clients))('%s', (_name, create) => {
  it('sends the token and the headers of the options', async () => {
    const { origin, seen } = await fixture.api();
    const client = await create(fixture.provider(), { allowedOrigins: [origin], organizationId: '12' });
    expect(await client({ url: `${origin}/x`, headers: { 'x-one': '1' } })).toEqual({ status: 200, body: 'fine' });
    expect(seen[0]?.headers['x-one']).toBe('1');
    expect(oursOf(seen[0]?.headers)).toEqual({
      authorization: expect.stringMatching(/^Bearer fake-token-/),
      'x-api-key': 'client',
      'x-organization-id': '12',
    });
  });

  it('leaves other origins and headers of the caller’s alone', async () => {
    const [api, other] = [await fixture.api(), await fixture.api()];
    const client = await create(fixture.provider(), { allowedOrigins: [api.origin] });
    await client({ url: other.origin });
    await client({ url: api.origin, headers: { Authorization: 'Basic abc' } });
    await client({ url: api.origin, headers: { 'X-API-Key': 'mine' } });
    expect(oursOf(other.seen[0]?.headers)).toEqual({});
    expect(oursOf(api.seen[0]?.headers)).toEqual({ authorization: 'Basic abc' });
    expect(api.seen[1]?.headers).toMatchObject({
      authorization: expect.stringMatching(/^Bearer/),
      'x-api-key': 'mine',
    });
  });

  it('follows no redirect', async () => {
    const other = await fixture.api();
    const api = await fixture.api({ '/': redirectTo(`${other.origin}/`) });
    const client = await create(fixture.provider(), { allowedOrigins: [api.origin] });
    expect((await client({ url: api.origin })).status).toBe(302);
    expect(other.seen).toEqual([]);
  });

  it('sends a request once more after a 401, with another token', async () => {
    const { origin, seen, state } = await fixture.api();
    const provider = fixture.provider();
    await provider.getToken();
    state.accepted = fakeToken(Date.now(), 3600);
    provider.renewals.mockResolvedValueOnce(state.accepted);
    const client = await create(provider, { allowedOrigins: [origin] });
    expect(await client({ url: origin, method: 'POST', body: 'some text' })).toEqual({ status: 200, body: 'fine' });
    expect(seen.map(({ body }) => body.toString())).toEqual(['some text', 'some text']);
    expect(await client({ url: origin })).toMatchObject({ status: 200 });
    expect(provider.renewals).toHaveBeenCalledTimes(2);
  });

  it('gives up after that, and does not send a stream again', async () => {
    const { origin, seen, state } = await fixture.api();
    state.accepted = fakeToken(0, 3600);
    const client = await create(fixture.provider(), { allowedOrigins: [origin] });
    const refused = { status: 401, body: expect.stringContaining('401013') };
    expect(await client({ url: origin, method: 'POST', body: Readable.from(['some text']) })).toEqual(refused);
    expect(seen).toHaveLength(1);
    expect(await client({ url: origin })).toEqual(refused);
    expect(seen).toHaveLength(3);
    expect(await client({ url: origin })).toEqual(refused);
    expect(seen).toHaveLength(4);
  });

  it('shows the error of getToken', async () => {
    const { origin } = await fixture.api();
    const error = new ImsvaultError('ERR_SECRET_NOT_FOUND', 'no secret');
    const client = await create(
      fixture.provider(() => Promise.reject(error)),
      { allowedOrigins: [origin] },
    );
    const thrown = await client({ url: origin }).catch((caught: unknown) => caught);
    // got wraps whatever its hooks throw.
    expect([thrown, (thrown as Error).cause]).toContain(error);
  });

  it('can be given up while the token is fetched', async () => {
    const { origin, seen } = await fixture.api();
    const provider = fixture.provider(() => new Promise(() => undefined));
    const client = await create(provider, { allowedOrigins: [origin] });
    const abort = new AbortController();
    const answer = client({ url: origin, signal: abort.signal });
    const settled = expect(answer).rejects.toThrow();
    await vi.waitFor(() => expect(provider.renewals).toHaveBeenCalled());
    abort.abort(new Error('enough'));
    await settled;
    expect(seen).toEqual([]);
  });
});

it('an authorizer gives nothing for another origin, and none but a new token after a 401', async () => {
  const provider = fixture.provider();
  const authorize = createAuthorizer(provider, { allowedOrigins: ['https://api.example.com'] });
  expect(await authorize('https://example.com/x')).toBeUndefined();
  expect(provider.renewals).not.toHaveBeenCalled();
  const first = await authorize(new URL('https://api.example.com/x'));
  const second = await authorize('https://api.example.com/x', { rejected: first?.token });
  expect(second?.headers['authorization']).toBe(`Bearer ${second?.token.accessToken}`);
  expect(second?.token).not.toBe(first?.token);
  expect(await authorize('https://api.example.com/x', { rejected: second?.token })).toBeUndefined();
  await expect(authorize('api.example.com')).rejects.toThrow(TypeError);
});
