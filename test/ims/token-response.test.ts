import { describe, expect, it } from 'vitest';
import { ImsvaultError, TokenRequestRejectedError } from '../../src/errors.js';
import { parseTokenResponse } from '../../src/ims/token-response.js';
import { jwt } from '../support/fake-token.js';

const NOW = Date.UTC(2030, 0, 1);
const ENDPOINT = 'https://ims.test/ims/token/v3';

function parse(status: number, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return parseTokenResponse(
    { status, headers, body: Buffer.from(text) },
    { endpoint: ENDPOINT, now: NOW, scrub: (value) => value.replaceAll('s3cret', '[redacted]') },
  );
}

function failure(status: number, body: unknown, headers?: Record<string, string>): ImsvaultError {
  try {
    parse(status, body, headers);
  } catch (error) {
    expect(error).toBeInstanceOf(ImsvaultError);
    return error as ImsvaultError;
  }
  return expect.unreachable('it should have been refused');
}

describe('token response: accepted', () => {
  it.each<[string, object, number]>([
    ["IMS's usual answer", { access_token: 'a.b-c_d', token_type: 'bearer', expires_in: 86_399 }, 86_399],
    ['without token_type', { access_token: 'abc', expires_in: 3599 }, 3599],
    ['token_type in capitals', { access_token: 'abc', token_type: 'Bearer', expires_in: 3599 }, 3599],
    ['expires_in as a text', { access_token: 'abc', expires_in: '86399' }, 86_399],
    ['expires_in with a fraction', { access_token: 'abc', expires_in: 1.5 }, 1.5],
    ['expires_in as a text with a fraction and spaces', { access_token: 'abc', expires_in: ' 3599.25 ' }, 3599.25],
  ])('%s', (_title, body, seconds) => {
    const { expiresInSeconds, tokenType, warnings } = parse(200, body);
    expect({ expiresInSeconds, tokenType, warnings }).toEqual({
      expiresInSeconds: seconds,
      tokenType: 'bearer',
      warnings: [],
    });
  });

  it("takes the token's own life where expires_in is missing", () => {
    const token = jwt({ created_at: `${NOW}`, expires_in: '3600000' });
    expect(parse(200, { access_token: token })).toMatchObject({
      expiresInSeconds: 3600,
      warnings: ['the answer has no expires_in; the lifetime is taken from the token itself'],
    });
    expect(parse(200, { access_token: jwt({ expires_in: '1000' }) }).expiresInSeconds).toBe(1);
  });

  it('never believes more than a day of the token alone', () => {
    const token = jwt({ created_at: `${NOW}`, expires_in: '1e18' });
    expect(parse(200, { access_token: token }).expiresInSeconds).toBe(86_400);
    expect(parse(200, { access_token: token, expires_in: null }).expiresInSeconds).toBe(86_400);
  });

  it('believes the token where expires_in says more than its claims, and says so where that is no rounding', () => {
    const parseFor = (seconds: number) =>
      parse(200, { access_token: jwt({ expires_in: '3600000' }), expires_in: seconds });
    expect(parseFor(3602)).toMatchObject({
      expiresInSeconds: 3600,
      warnings: ['expires_in is 3602, but the token itself lives 3600 s'],
    });
    expect(parseFor(3601)).toMatchObject({ expiresInSeconds: 3600, warnings: [] });
    expect(parseFor(3600)).toMatchObject({ expiresInSeconds: 3600, warnings: [] });
    expect(parseFor(365 * 86_400)).toMatchObject({ expiresInSeconds: 3600, warnings: [expect.any(String)] });
    expect(parseFor(1800)).toMatchObject({ expiresInSeconds: 1800, warnings: [] });
  });

  it.each([
    ['the year itself is believed', 365 * 86_400, 365 * 86_400],
    ['a second more is not', 365 * 86_400 + 1, 86_400],
    ['a text of 400 digits is not', '9'.repeat(400), 86_400],
  ])('%s', (_title, expiresIn, seconds) => {
    expect(parse(200, { access_token: 'abc', expires_in: expiresIn }).expiresInSeconds).toBe(seconds);
  });

  it.each([
    ['commas', 'openid,AdobeID', ['openid', 'AdobeID']],
    ['nothing', '', undefined],
    ['a number', 7, undefined],
  ])("takes the answer's scope: %s", (_title, scope, expected) => {
    expect(parse(200, { access_token: 'abc', expires_in: 1, scope }).scope).toEqual(expected);
  });

  it.each([16 * 1024])('a token of %d characters', (length) => {
    expect(parse(200, { access_token: 'a'.repeat(length), expires_in: 1 }).accessToken).toHaveLength(length);
  });

  it.each([
    ['no numbers', { expires_in: 'x' }],
    ['nothing', { expires_in: '' }],
    ['zero', { expires_in: '0' }],
    ['null for claims', null],
  ])('does not trip over odd claims: %s', (_title, claims) => {
    expect(() => parse(200, { access_token: jwt(claims as object) })).toThrow('no expires_in');
    expect(parse(200, { access_token: jwt(claims as object), expires_in: 5 }).expiresInSeconds).toBe(5);
  });

  it.each([
    ['milliseconds of an hour', 3_600_000, 3600, 1],
    ['a second more, which is rounding', 3601, 3600, 0],
    ['as much', 3600, 3600, 0],
    ['less', 3599, 3599, 0],
  ])("never more than the token's own life: %s", (_title, expiresIn, seconds, warnings) => {
    const token = jwt({ created_at: `${NOW}`, expires_in: '3600000' });
    const response = parse(200, { access_token: token, expires_in: expiresIn });
    expect([response.expiresInSeconds, response.warnings.length]).toEqual([seconds, warnings]);
  });

  it.each([
    ['1e12 without claims: a day', 'abc', 1e12, 86_400],
    [
      'milliseconds by mistake, with claims: the claims',
      jwt({ created_at: '1', expires_in: '3600000' }),
      86_399_000,
      3600,
    ],
    ['absurd claims too: a day', jwt({ created_at: '1', expires_in: '1e15' }), 1e12, 86_400],
  ])('warns of a life of more than a year: %s', (_title, token, expiresIn, seconds) => {
    const response = parse(200, { access_token: token, expires_in: expiresIn });
    expect(response.expiresInSeconds).toBe(seconds);
    expect(response.warnings[0]).toContain('more than a year');
  });
});

describe('token response: refused as invalid', () => {
  it.each<[string, unknown, RegExp]>([
    ['HTML', '<html><body>maintenance</body></html>', /HTML/],
    ['nothing', '', /empty/],
    ['truncated JSON', '{"access_token":"abc', /not a JSON object/],
    ['a list', '[]', /not a JSON object/],
    ['null', 'null', /not a JSON object/],
    ['a text', '"abc"', /not a JSON object/],
    ['text that has a < in it', 'a < b', / is 5 bytes of something else, not a JSON object/],
    ['HTML after a blank', ' <html>', /HTML/],
    ['no access_token', { expires_in: 1 }, /no access_token/],
    ['an empty access_token', { access_token: '', expires_in: 1 }, /no access_token/],
    ['an access_token that is a number', { access_token: 1, expires_in: 1 }, /no access_token/],
    ['a token that injects a header', { access_token: 'a\r\nx-evil: 1', expires_in: 1 }, /characters/],
    ['a token with spaces', { access_token: 'a b', expires_in: 1 }, /characters/],
    ['a token of 17 KiB', { access_token: 'a'.repeat(17 * 1024), expires_in: 1 }, /length/],
    ['another token type', { access_token: 'abc', token_type: 'mac', expires_in: 1 }, /token_type/],
    ['a token type that is a number', { access_token: 'abc', token_type: 7, expires_in: 1 }, /token_type/],
    ['no expires_in and no claims', { access_token: 'abc' }, /no expires_in/],
    ['expires_in 0', { access_token: 'abc', expires_in: 0 }, /expired already/],
    ['expires_in below a second', { access_token: 'abc', expires_in: 0.9 }, /expired already/],
    ['claims of less than a second', { access_token: jwt({ created_at: '1', expires_in: '900' }) }, /no expires_in/],
    ['expires_in negative', { access_token: 'abc', expires_in: -5 }, /expired already/],
    ['expires_in of text', { access_token: 'abc', expires_in: 'soon' }, /not a number/],
    ['expires_in with a unit', { access_token: 'abc', expires_in: '60s' }, /not a number/],
    ['expires_in with a sign', { access_token: 'abc', expires_in: '+60' }, /not a number/],
    ['expires_in true', { access_token: 'abc', expires_in: true }, /not a number/],
  ])('%s', (_title, body, message) => {
    const error = failure(200, body);
    expect(error.code).toBe('ERR_TOKEN_RESPONSE_INVALID');
    expect(error.retryable).toBe(false);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(ENDPOINT);
  });

  it.each([300, 302, 399])('a redirect: %d', (status) => {
    expect(failure(status, '', { location: 'https://evil.test/' })).toMatchObject({
      code: 'ERR_TOKEN_RESPONSE_INVALID',
      message: `${ENDPOINT}: it answered with a redirect, which a token request never follows (HTTP ${status})`,
      hint: 'Check ims.tokenEndpoint.',
    });
  });

  it('an answer of something else than IMS, with what to look at', () => {
    const hint = 'Check ims.tokenEndpoint and the proxy.';
    expect(failure(404, '<html>')).toMatchObject({
      message: `${ENDPOINT}: it answered 404 without an OAuth error (HTTP 404)`,
      hint,
    });
    expect(failure(200, '<html>')).toMatchObject({ hint });
    expect(failure(200, {})).not.toHaveProperty('hint');
  });
});

describe('token response: on its way', () => {
  it('loses a byte order mark', () => {
    expect(parse(200, '\ufeff{"access_token":"abc","expires_in":5}').accessToken).toBe('abc');
  });

  it('keeps one that stands elsewhere', () => {
    expect(failure(400, '{"error":"a\ufeffb"}')).toMatchObject({ error: 'unknown_error' });
  });

  it.each([
    ['gzip', 'content-encoding gzip'],
    ['br, \u001b[31m', 'content-encoding of an unknown kind'],
  ])('has its content-encoding named: %j', (encoding, expected) => {
    const error = failure(200, 'xx', { 'content-encoding': encoding });
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_RESPONSE_INVALID',
      message: expect.stringContaining(`(HTTP 200, ${expected})`),
    });
    expect(failure(200, 'xx', { 'content-encoding': 'Identity' }).message).toContain('(HTTP 200)');
  });

  it.each([201, 202, 204])('is no answer with %d', (status) => {
    expect(failure(status, { access_token: 'abc', expires_in: 5 })).toMatchObject({
      code: 'ERR_TOKEN_RESPONSE_INVALID',
      message: expect.stringContaining(`it answered ${status} instead of 200`),
    });
  });
});

describe('token response: rejected', () => {
  it.each([400, 401])('treats %d alike, and keeps the words of RFC 6749', (status) => {
    const error = failure(
      status,
      { error: 'invalid_client', error_description: 'invalid client_secret parameter' },
      { 'x-debug-id': 'abc-123' },
    );
    expect(error).toBeInstanceOf(TokenRequestRejectedError);
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_REQUEST_REJECTED',
      retryable: false,
      error: 'invalid_client',
      error_description: 'invalid client_secret parameter',
      status,
      debugId: 'abc-123',
    });
    expect(error.message).toBe(
      `${ENDPOINT} rejected the request: invalid_client, "invalid client_secret parameter" (HTTP ${status}, x-debug-id abc-123)`,
    );
    expect(error.hint).toContain('Developer Console');
  });

  it.each(['unauthorized_client', 'invalid_scope', 'invalid_request'])('has a hint for %s', (code) => {
    expect(failure(400, { error: code }).hint).toMatch(/\w/);
  });

  it('prints no secret that the server echoes, no control characters, and no novel', () => {
    const error = failure(400, {
      error: 'invalid_client',
      error_description: `bad s3cret\u001b[31m${'x'.repeat(5000)}`,
    });
    expect(error.message).not.toContain('s3cret');
    expect(error.message).not.toContain('\u001b');
    expect(error.message.length).toBeLessThan(500);
    for (const odd of ['x s3cret "', '" x', 'x'.repeat(65)]) {
      expect(failure(400, { error: odd }).message).toContain('unknown_error');
    }
    expect(failure(400, { error: 's3cret' }).message).not.toContain('s3cret');
    expect(failure(500, { error: 'lost s3cret' }).message).not.toContain('s3cret');
    for (const name of ['x-debug-id', 'content-encoding']) {
      const echo = failure(400, { error: 'invalid_client' }, { [name]: 's3cret' });
      expect(`${echo.message} ${JSON.stringify(echo)}`).not.toContain('s3cret');
    }
    expect(failure(400, { error: 'x', error_description: 's3cr\u00e9t' }).message).toContain('"s3cr t"');
    expect(failure(400, { error: 'x', error_description: '\n so\r\nit \t is \n' }).message).toContain('"so it   is"');
  });

  it.each(['constructor', 'toString', '__proto__'])('has no hint for an error called %s', (code) => {
    expect(failure(400, { error: code })).toMatchObject({ error: code });
    expect(failure(400, { error: code }).hint).toBeUndefined();
  });

  it.each([{}, { 'x-debug-id': 'two words' }, { 'x-debug-id': 'x'.repeat(101) }])(
    'shows no odd debug id: %j',
    (headers) => {
      const error = failure(400, { error: 'invalid_client' }, headers as Record<string, string>);
      expect(error).not.toHaveProperty('debugId');
      expect(error.message).toBe(`${ENDPOINT} rejected the request: invalid_client (HTTP 400)`);
      expect(error).not.toHaveProperty('error_description');
    },
  );
});

describe('token response: unavailable', () => {
  it.each([408, 429, 500, 502, 503, 504])('%d can be tried again', (status) => {
    const error = failure(status, status === 500 ? { error: 'internal_error' } : '<html>busy</html>');
    expect(error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: true });
    expect(error.message).toContain(`HTTP ${status}`);
  });

  it('says what the server said, and what to do', () => {
    expect(failure(429, { error: 'slow_down' })).toMatchObject({
      message: `${ENDPOINT} throttles this client: slow_down (HTTP 429)`,
      hint: expect.stringContaining('share one provider'),
    });
    for (const body of ['<html>', { error: 5 }]) {
      expect(failure(503, body)).toMatchObject({
        message: `${ENDPOINT} is in trouble (HTTP 503)`,
        hint: expect.stringContaining('https://status.adobe.com'),
      });
    }
  });

  it.each([
    ['seconds', { 'retry-after': '120' }, 120_000],
    [
      "a date, by the server's own clock",
      { 'retry-after': 'Tue, 01 Jan 2030 01:00:30 GMT', date: 'Tue, 01 Jan 2030 01:00:00 GMT' },
      30_000,
    ],
    ['a date, without the server clock', { 'retry-after': 'Tue, 01 Jan 2030 00:00:07 GMT' }, 7000],
    ['a date that has passed', { 'retry-after': 'Mon, 31 Dec 2029 00:00:00 GMT' }, 0],
    ['nonsense', { 'retry-after': 'later' }, undefined],
    ['a negative number', { 'retry-after': '-5' }, undefined],
  ])('reads Retry-After: %s', (_title, headers, expected) => {
    expect(failure(429, '', headers as Record<string, string>).retryAfterMs).toBe(expected);
  });
});
