import { createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { systemClock } from '../../../src/clock.js';
import type { ImsvaultError } from '../../../src/errors.js';
import { createExchanger } from '../../../src/ims/exchange.js';
import { createScrub } from '../../../src/ims/scrub.js';
import { parseTokenResponse } from '../../../src/ims/token-response.js';
import { createHttpClient } from '../../../src/net/http-client.js';
import { redact } from '../../../src/redacted.js';
import { expectOwn, fuzz, type Verdict } from './fuzz.js';
import { jwt, mutatedJson, mutatedText, secrets } from './mutations.js';

const CODES = ['ERR_TOKEN_REQUEST_REJECTED', 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'ERR_TOKEN_RESPONSE_INVALID'] as const;
const YEAR = 365 * 24 * 3600;

/** The life that a token claims for itself, in seconds; read as IMS documents it, without the parser. */
function claimedSeconds(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    > | null;
    const life = claims?.expires_in;
    const milliseconds = typeof life === 'string' ? Number(life) : typeof life === 'number' ? life : Number.NaN;
    return milliseconds >= 1000 && milliseconds < Number.POSITIVE_INFINITY
      ? milliseconds / 1000
      : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** How a server, or what stands before it, may send back what it was sent. */
const ECHOES: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => encodeURIComponent(secret),
  (secret) => new URLSearchParams({ client_secret: secret }).toString(),
  (secret) => encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
  (secret) => JSON.stringify({ client_secret: secret }),
];

const lives = fc.oneof(
  fc.constantFrom(86_399, 3600, 1, 0, -1, YEAR, YEAR + 1, 86_399_000, 1e300),
  fc.integer({ min: 1, max: 2 * YEAR }),
);
const tokens = fc.oneof(
  { weight: 3, arbitrary: fc.constant('abc') },
  fc.constantFrom('a.b-c_d~+/==', 'a'.repeat(16_384), 'a b', 'a\r\nx: 1', '=', ''),
  fc.tuple(fc.nat(2e12), lives, fc.boolean()).map(([at, life, isText]) => {
    const ms = life * 1000;
    return jwt({ client_id: 'client', created_at: String(at), expires_in: isText ? String(ms) : ms });
  }),
  mutatedJson(fc.constant({ client_id: 'client', created_at: '1893456000000', expires_in: '3600000' })).map(
    (claims) => `e30.${Buffer.from(claims).toString('base64url')}.c2ln`,
  ),
);
const successes = fc.record(
  {
    access_token: tokens,
    token_type: fc.constantFrom('bearer', 'bearer', 'bearer', 'Bearer', 'mac', 7),
    expires_in: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(86_399, 3600, '86399') },
      lives,
      lives.map(String),
      fc.constantFrom('soon', null),
    ),
    scope: fc.constantFrom('openid,AdobeID', '', 7),
  },
  { requiredKeys: ['access_token', 'expires_in'] },
);
const HONEST = '{"access_token":"abc","token_type":"bearer","expires_in":86399}';
const answers = secrets.chain((secret) => {
  const echo = fc.constantFrom(...ECHOES).map((form) => form(secret));
  const failures = fc.record({
    error: fc.oneof(fc.constantFrom('invalid_client', 'invalid_scope', 'x y', ''), echo),
    error_description: fc.oneof(
      fc.constant('no'),
      echo,
      echo.map((text) => `client_secret=${text}&scope=x ${'.'.repeat(190)}`),
    ),
  });
  return fc.record({
    secret: fc.constant(secret),
    status: fc.oneof(
      { weight: 5, arbitrary: fc.constant(200) },
      { weight: 3, arbitrary: fc.constantFrom(400, 401, 403, 408, 429, 500, 503) },
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 599 }) },
    ),
    headers: fc.dictionary(
      fc.constantFrom('date', 'retry-after', 'x-debug-id', 'content-encoding', 'content-type', 'location'),
      fc.oneof(
        fc.constantFrom('gzip', '120', 'Wed, 21 Oct 2026 07:28:00 GMT', '-5', '9'.repeat(30), 'text/html'),
        echo,
        fc.string({ maxLength: 30 }),
      ),
      { maxKeys: 4 },
    ),
    body: fc.oneof(
      { weight: 1, arbitrary: fc.constant(HONEST) },
      { weight: 6, arbitrary: mutatedJson(successes) },
      { weight: 2, arbitrary: mutatedJson(failures) },
      { weight: 1, arbitrary: echo.map((text) => `<html>${text}</html>`) },
    ),
  });
});

function expectUsable(token: string, seconds: number): void {
  expect(/^[\w.~+/-]+=*$/.test(token) && token.length <= 16_384, 'a token for a header').toBe(true);
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(YEAR);
  expect(seconds, "the token's own life").toBeLessThanOrEqual(claimedSeconds(token));
}

describe("IMS's answers", () => {
  fuzz('IMS answer', answers, ({ secret, status, headers, body }) => {
    const context = { endpoint: 'https://ims.test/', now: 0, scrub: createScrub(secret) };
    try {
      const { accessToken, tokenType, expiresInSeconds, warnings } = parseTokenResponse(
        { status, headers, body: Buffer.from(body) },
        context,
      );
      expect([status, tokenType]).toEqual([200, 'bearer']);
      expectUsable(accessToken, expiresInSeconds);
      expect(warnings.every((warning) => !warning.includes(secret))).toBe(true);
      return 'accepted';
    } catch (error) {
      expectOwn(error, CODES, [secret]);
      expect((error as ImsvaultError).retryAfterMs ?? 0).toBeGreaterThanOrEqual(0);
      return 'refused';
    }
  });

  let server: Server;
  let answer = Buffer.alloc(0);
  const sockets = new Set<Socket>();
  const http = createHttpClient(
    systemClock,
    {},
    { timeouts: { headersMs: 200, bodyMs: 200, totalMs: 400 }, maxResponseBytes: 65_536 },
  );
  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      socket.once('data', () => socket.end(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await http.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  const wire = answers.chain(({ secret, status, headers, body }) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = `content-length: ${Buffer.byteLength(body)}\r\n`;
    const text = `HTTP/1.1 ${status} OK\r\n${lines.join('')}${length}connection: close\r\n\r\n${body}`;
    return fc.record({
      secret: fc.constant(secret),
      text: fc.oneof(fc.constant(text), mutatedText(fc.constant(text))),
    });
  });
  fuzz('IMS answer on the wire', wire, async ({ secret, text }): Promise<Verdict> => {
    answer = Buffer.from(text);
    const { port } = server.address() as { port: number };
    const exchanger = createExchanger({
      tokenEndpoint: `http://127.0.0.1:${port}/ims/token/v3`,
      http,
      clock: systemClock,
      random: () => 0,
      timeoutMs: 2000,
      retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, maxRetryAfterMs: 1 },
      warn: (message) => expect(message).not.toContain(secret),
    });
    try {
      const { token } = await exchanger.exchange({ clientId: 'client', clientSecrets: [redact(secret)] });
      expectUsable(token.accessToken, (token.expiresAt - token.issuedAt) / 1000);
      return 'accepted';
    } catch (error) {
      expectOwn(error, CODES, [secret]);
      return 'refused';
    }
  });
});
