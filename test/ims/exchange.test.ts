import { describe, expect, it, vi } from 'vitest';
import { type ExchangeTrace, exchangeChannel } from '../../src/channels.js';
import type { ImsvaultError } from '../../src/errors.js';
import {
  createExchanger,
  DEFAULT_EXCHANGE_RETRY,
  type Exchanged,
  type ExchangerOptions,
} from '../../src/ims/exchange.js';
import { REJECTION_HINTS } from '../../src/ims/token-response.js';
import { type HttpRequest, type HttpResponse, ResponseTooLarge } from '../../src/net/http-client.js';
import { redact } from '../../src/redacted.js';
import type { Credential } from '../../src/secret/credential.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock, settle } from '../support/manual-clock.js';

const ENDPOINT = 'https://ims.test/ims/token/v3';
const SECRET = 'p8e-exchange-marked-secret';
const credential: Credential = { clientId: 'my-client', clientSecrets: [redact(SECRET)] };

type Answer = Partial<HttpResponse> | Error | 'hang';
const ok: Answer = { status: 200, body: Buffer.from('{"access_token":"tok","token_type":"bearer","expires_in":3600}') };
const status = (code: number, headers: Record<string, string> = {}): Answer => ({
  status: code,
  headers,
  body: Buffer.from('<html>'),
});
const network = (code: string) => Object.assign(new Error(`mentions ${SECRET}`), { code });

/** An exchanger over scripted answers; the last one repeats. */
function setup(answers: Answer[], options: Partial<ExchangerOptions> = {}, latencyMs = 0) {
  const clock = createManualClock();
  const requests: (HttpRequest & { at: number })[] = [];
  const warn = vi.fn();
  const exchanger = createExchanger({
    tokenEndpoint: ENDPOINT,
    clock,
    random: () => 0.5,
    timeoutMs: 60_000,
    warn,
    http: {
      async request(request) {
        requests.push({ ...request, at: clock.monotonic() });
        const answer = answers[Math.min(requests.length, answers.length) - 1] as Answer;
        if (latencyMs > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, latencyMs));
        if (answer instanceof Error) throw answer;
        if (answer === 'hang') {
          return new Promise((_resolve, reject) => {
            request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
          });
        }
        return { status: 200, headers: {}, body: Buffer.alloc(0), ...answer };
      },
      connectAhead: async () => undefined,
      close: async () => undefined,
    },
    ...options,
  });
  /** Runs an exchange to its end, moving the clock as far as it needs. */
  async function run(signal?: AbortSignal) {
    const settled = exchanger.exchange(credential, signal).then(
      ({ token, clockOffsetMs }) => ({ token, clockOffsetMs }),
      (error: unknown) => ({ error }),
    );
    let done = false;
    settled.then(() => {
      done = true;
    });
    while (!done) await clock.advance(100);
    const result = await settled;
    expectNoSecrets(result, [SECRET]);
    return result as Partial<Exchanged> & { error?: unknown };
  }
  return { clock, requests, warn, run, exchanger };
}

describe('a client that is fixed', () => {
  it('lets no credential of another one reach IMS, and says both and where they come from', async () => {
    const { exchanger, requests } = setup([ok], { clientId: 'other', clientIdSource: '--set' });
    await expect(exchanger.exchange(credential, undefined, 'vault')).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'ims.clientId: is other, but the credential of provider vault is of client my-client (--set)',
      hint: expect.stringContaining('Correct ims.clientId or the credential'),
    });
    expect(requests).toEqual([]);
  });

  it('is named alone where nobody says where they come from', async () => {
    const { exchanger } = setup([ok], { clientId: 'other' });
    await expect(exchanger.exchange(credential)).rejects.toMatchObject({
      message: 'ims.clientId: is other, but the credential is of client my-client',
    });
  });

  it('has its own credential exchanged', async () => {
    const { run } = setup([ok], { clientId: 'my-client' });
    expect((await run()).token?.clientId).toBe('my-client');
  });
});

describe('exchange', () => {
  it('sends the form of RFC 6749 §4.4.2, all in the body, scopes joined by bare commas', async () => {
    const { run, requests } = setup([ok]);
    await run();
    const [request] = requests;
    expect(request).toMatchObject({ method: 'POST', url: ENDPOINT });
    expect(request?.headers).toEqual({
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    });
    expect(Object.fromEntries(new URLSearchParams(String(request?.body)))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'my-client',
      client_secret: SECRET,
      scope: 'openid,AdobeID,profile,additional_info.projectedProductContext',
    });
  });

  it("prefers the config's scope, then the secret's, and sends org_id only where there is one", async () => {
    const first = setup([ok], { scope: ['a', 'b'], orgId: 'X@AdobeOrg' });
    await first.run();
    expect(new URLSearchParams(String(first.requests[0]?.body)).get('scope')).toBe('a,b');
    expect(new URLSearchParams(String(first.requests[0]?.body)).get('org_id')).toBe('X@AdobeOrg');
    const second = setup([ok]);
    await second.exchanger.exchange({ ...credential, scope: ['c'] });
    await first.exchanger.exchange({ ...credential, scope: ['c'], orgId: 'Y@AdobeOrg' });
    expect(first.requests[1]?.body).toBe(first.requests[0]?.body);
    await second.exchanger.exchange({ ...credential, orgId: 'Y@AdobeOrg' });
    expect(new URLSearchParams(String(second.requests[1]?.body)).get('org_id')).toBe('Y@AdobeOrg');
    expect(new URLSearchParams(String(second.requests[0]?.body)).get('scope')).toBe('c');
    expect(new URLSearchParams(String(second.requests[0]?.body)).has('org_id')).toBe(false);
    await second.exchanger.exchange({ ...credential, scope: [] });
    expect(new URLSearchParams(String(second.requests[2]?.body)).has('scope')).toBe(false);
  });

  it('makes no token look younger than it is where the wall clock is set back meanwhile', async () => {
    const { clock, run } = setup([ok], {}, 500);
    const day = 24 * 3_600_000;
    clock.setTimer(() => clock.jump(-day), 200);
    const { token } = await run();
    expect(token?.issuedAt).toBe(clock.now() - 500);
    clock.setTimer(() => clock.jump(day), 200);
    expect((await run()).token?.issuedAt).toBe(clock.now() - day - 500);
  });

  it('counts the life from before the request was sent', async () => {
    const { run, clock } = setup([status(503), ok], {}, 700);
    const start = clock.now();
    const { token } = await run();
    const waited = 250 + 700;
    expect(token).toMatchObject({
      issuedAt: start + waited,
      expiresAt: start + waited + 3_600_000,
      clientId: 'my-client',
    });
  });

  it.each<[string, Answer]>([
    ['429', status(429)],
    ['500', status(500)],
    ['503 with HTML', status(503)],
    ['a reset', network('ECONNRESET')],
    ['a refusal', network('ECONNREFUSED')],
    ['a body cut short', network('UND_ERR_SOCKET')],
    ['a headers timeout', network('UND_ERR_HEADERS_TIMEOUT')],
  ])('tries again after %s', async (_title, answer) => {
    const { run, requests } = setup([answer, answer, ok]);
    expect((await run()).token?.accessToken).toBe('tok');
    expect(requests).toHaveLength(3);
  });

  it('gives up after four tries, with delays that double and stay under their bound', async () => {
    const { run, requests } = setup([status(503)]);
    expect((await run()).error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: true });
    const delays = requests.slice(1).map((request, index) => request.at - (requests[index]?.at ?? 0));
    expect(delays).toEqual([250, 500, 1000]);
  });

  it('waits as long as Retry-After says, and says when it would be too long', async () => {
    const { run, requests, warn } = setup([
      status(429, { 'retry-after': '7' }),
      status(429, { 'retry-after': '3244' }),
      ok,
    ]);
    await run();
    expect((requests[1]?.at ?? 0) - (requests[0]?.at ?? 0)).toBe(7250);
    expect((requests[2]?.at ?? 0) - (requests[1]?.at ?? 0)).toBe(30_500);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toContain('longer than allowed; waiting 30500 ms');
  });

  it('does not begin a wait that would not end in time', async () => {
    const { run, requests, clock } = setup([status(429, { 'retry-after': '20' })], { timeoutMs: 15_000 });
    await clock.advance(10_000);
    const { error } = await run();
    expect(error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryAfterMs: 20_000 });
    expect(requests).toHaveLength(1);
    expect(clock.monotonic()).toBeLessThan(11_000);
  });

  it.each<[string, Answer, string]>([
    ['invalid_client', { status: 400, body: Buffer.from('{"error":"invalid_client"}') }, 'ERR_TOKEN_REQUEST_REJECTED'],
    ['an invalid answer', { status: 200, body: Buffer.from('<html>') }, 'ERR_TOKEN_RESPONSE_INVALID'],
    ['a redirect', { status: 307, headers: { location: 'https://evil.test' } }, 'ERR_TOKEN_RESPONSE_INVALID'],
    ['a bad certificate', network('CERT_HAS_EXPIRED'), 'ERR_TOKEN_ENDPOINT_UNAVAILABLE'],
  ])('never repeats %s', async (_title, answer, code) => {
    const { run, requests } = setup([answer]);
    expect((await run()).error).toMatchObject({ code });
    expect(requests).toHaveLength(1);
  });

  it('ends at its total timeout, and says what came before', async () => {
    const { run, clock } = setup([status(503), 'hang'], { timeoutMs: 5000 });
    const { error } = await run();
    expect(error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(String(error)).toMatch(/no answer within 5000 ms; before that: .*503/);
    expect(clock.monotonic()).toBeLessThan(6000);
  });

  it.each<[string, Error, { message: string; hint?: RegExp }]>([
    [
      'with what to do',
      network('ECONNREFUSED'),
      { message: `${ENDPOINT}: the connection was refused`, hint: /Nothing/ },
    ],
    ['where nothing is to be done', network('ECONNRESET'), { message: `${ENDPOINT}: the connection was reset` }],
    ['also of an error that has no code', new Error(SECRET), { message: `${ENDPOINT}: the request failed` }],
  ])('says what the network met, %s', async (_title, answer, expected) => {
    const { error } = await setup([answer], { retry: { ...DEFAULT_EXCHANGE_RETRY, maxAttempts: 1 } }).run();
    const { message, hint, retryable } = error as ImsvaultError;
    expect({ message, retryable }).toEqual({ message: expected.message, retryable: true });
    expect(hint ?? 'none').toMatch(expected.hint ?? /^none$/);
  });

  it.each([
    ['https://ims.test/token', 443],
    ['http://ims.test/token', 80],
    ['https://ims.test:8443/token', 8443],
  ])('tells those who trace it where each try goes, and how it ended: %s', async (tokenEndpoint, serverPort) => {
    const ended: unknown[] = [];
    const listener = ({ durationMs, error, ...trace }: ExchangeTrace) => ended.push(trace);
    exchangeChannel.asyncEnd.subscribe(listener as never);
    await setup([status(503), ok], { tokenEndpoint }).run();
    exchangeChannel.asyncEnd.unsubscribe(listener as never);
    expect(ended).toEqual([
      { serverAddress: 'ims.test', serverPort, attempt: 1, status: 503 },
      { serverAddress: 'ims.test', serverPort, attempt: 2, status: 200 },
    ]);
  });

  it('shows no secret that the answer repeats, plain or as it stood in the form', async () => {
    const odd = 'p8e &+/=\u00e9 marked';
    const encoded = new URLSearchParams({ s: odd }).toString().slice(2);
    for (const echoed of [odd, encoded]) {
      const body = Buffer.from(JSON.stringify({ error: 'invalid_client', error_description: `got ${echoed}!` }));
      const { exchanger } = setup([{ status: 400, body }]);
      const error = await exchanger
        .exchange({ clientId: 'id', clientSecrets: [redact(odd)] })
        .catch((reason: unknown) => reason);
      expect(String(error)).toContain('"got [redacted]!"');
    }
  });

  it.each([...REJECTION_HINTS.keys()])('knows %s where the secret is a part of it, or all of it', async (code) => {
    const body = Buffer.from(JSON.stringify({ error: code, error_description: 'a client' }));
    const retry = { ...DEFAULT_EXCHANGE_RETRY, maxAttempts: 1 };
    for (const secret of ['i', 'client', code]) {
      const failure = (answer: Answer) =>
        setup([answer], { retry })
          .exchanger.exchange({ clientId: 'id', clientSecrets: [redact(secret)] })
          .catch((reason: unknown) => reason);
      const rejected = await failure({ status: 400, body });
      expect(rejected).toMatchObject({ error: code, hint: REJECTION_HINTS.get(code) });
      expect(String(rejected)).toContain(`: ${code}, `);
      expect(String(await failure({ status: 503, body }))).toContain(`: ${code} `);
    }
  });

  it('refuses an answer that is too large, and does not ask for it again', async () => {
    const { run, requests } = setup([new ResponseTooLarge(9)]);
    expect((await run()).error).toMatchObject({
      code: 'ERR_TOKEN_RESPONSE_INVALID',
      retryable: false,
      message: expect.stringMatching(/^https:\/\/ims\.test\/ims\/token\/v3: .*9/),
      hint: 'Check ims.tokenEndpoint and the proxy.',
    });
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['ten minutes ahead', 600_000, 600_000],
    ['a second behind, which the header cannot tell', -1000, 0],
    ['two seconds behind, which may be the way', -2000, 0],
    ['three seconds behind', -3000, -3000],
  ])("tells how far IMS's clock is: %s", async (_title, offset, expected) => {
    const { run, clock } = setup([
      { ...(ok as object), headers: { date: new Date(createManualClock().now() + offset).toUTCString() } },
    ]);
    expect((await run()).clockOffsetMs).toBe(expected);
    expect(clock.monotonic()).toBeLessThan(1000);
  });

  it("takes the answer's scope, and tells of its warnings with the endpoint", async () => {
    const body = Buffer.from('{"access_token":"tok","expires_in":1e12,"scope":"openid"}');
    const { run, warn } = setup([{ status: 200, body }]);
    const { token } = await run();
    expect(token?.scope).toEqual(['openid']);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^https:\/\/ims\.test.*: expires_in is 1000000000000/)]]);
  });

  it('connects ahead to its endpoint, and shows the first secret of two', async () => {
    const ahead: string[] = [];
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const http = {
      request: vi.fn(),
      // Not a mock function: those handle the rejection themselves.
      async connectAhead(url: string) {
        ahead.push(url);
        throw new Error('x');
      },
      close: vi.fn(),
    };
    const { exchanger } = setup([ok], { http });
    exchanger.connectAhead();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(ahead).toEqual([ENDPOINT]);
    expect(unhandled).not.toHaveBeenCalled();
    const { requests, exchanger: other } = setup([ok]);
    await other.exchange({ ...credential, clientSecrets: [redact('one'), redact('two')] });
    expect(new URLSearchParams(String(requests[0]?.body)).get('client_secret')).toBe('one');
  });

  it("rejects with the caller's reason, also while it waits for the next try", async () => {
    const reason = new Error('enough');
    const { clock, exchanger } = setup([status(503)]);
    const controller = new AbortController();
    const exchange = expect(exchanger.exchange(credential, controller.signal)).rejects.toBe(reason);
    await clock.advance(10);
    controller.abort(reason);
    await exchange;
    expect(clock.pending).toBe(0);
  });
});
