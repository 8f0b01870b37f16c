import { describe, expect, it } from 'vitest';
import { ConfigInvalidError, ImsvaultError, TokenRequestRejectedError } from '../../src/errors.js';
import { printable } from '../../src/observe/printable.js';
import { redact } from '../../src/redacted.js';
import { expectNoSecrets } from '../support/leaks.js';
import { markedToken } from './marked-token.js';

const SECRET = 'p8e-hostile-marked-secret';
const TOKEN = 'eyJhbGciOi.marked-token.signature';
const secret = redact(SECRET);
const token = markedToken(TOKEN);

describe('secrets and tokens are found by their types', () => {
  const circle: Record<string, unknown> = { secret };
  circle.self = circle;
  const deep = Array.from({ length: 30 }).reduce<unknown>((below) => ({ below, token }), secret);

  it.each<[string, unknown, unknown]>([
    ['bare', secret, '[redacted]'],
    ['a token', token, '[redacted]'],
    ['in lists of lists', [[secret], [[token]]], [['[redacted]'], [['[redacted]']]]],
    ['in maps and sets', [new Map([['key', secret]]), new Set([token])], [[['key', '[redacted]']], ['[redacted]']]],
    ['behind a getter', Object.defineProperty({}, 'it', { get: () => token, enumerable: true }), { it: '[redacted]' }],
    [
      'behind a getter of a class',
      new (class {
        own = secret;
        get hidden() {
          return SECRET;
        }
      })(),
      { own: '[redacted]' },
    ],
    ['hidden', Object.defineProperty({}, 'it', { value: SECRET, enumerable: false }), {}],
    ['behind a symbol', { [Symbol('it')]: SECRET }, {}],
    ['behind toJSON', { toJSON: () => SECRET, shown: 1 }, { toJSON: '[function]', shown: 1 }],
    ['in bytes', [Buffer.from(SECRET), new TextEncoder().encode(SECRET).buffer], ['[binary]', '[binary]']],
    ['in a circle', circle, { secret: '[redacted]', self: '[circular]' }],
    [
      'in what only a request knows',
      new Request(`https://ims.test/?${SECRET}`, { headers: { authorization: TOKEN } }),
      {},
    ],
    ['in a URL', new URL(`https://user:${SECRET}@ims.test/?token=${TOKEN}`), {}],
  ])('%s', (_name, value, shown) => {
    expect(printable(value)).toEqual(shown);
    expectNoSecrets(JSON.stringify(printable(value)), [SECRET, TOKEN]);
  });

  it('in what nests too deeply', () => {
    const text = JSON.stringify(printable(deep));
    expect(text).toContain('"below":"[nested too deeply]"');
    expectNoSecrets(text, [SECRET, TOKEN]);
  });

  it.each<[string, unknown]>([
    ['a cause', new Error('x', { cause: new Error('y', { cause: secret }) })],
    ['a cause that is a list', new Error('x', { cause: [token, { secret }] })],
    ['a foreign text', new Error(`connect failed with ${SECRET}`)],
    ['a foreign stack', Object.assign(new Error('x'), { stack: SECRET })],
    ['a foreign field', Object.assign(new Error('x'), { request: { headers: { authorization: TOKEN } } })],
    ['a foreign name', Object.assign(new Error('x'), { name: `A ${SECRET}`, code: `A ${SECRET}` })],
    ['several at once', new AggregateError([new Error(SECRET)], SECRET)],
    [
      'an error of ours with a foreign cause',
      new ImsvaultError('ERR_ABORTED', 'x', { cause: new Error(SECRET) as never }),
    ],
    ['an error of ours with a field', Object.assign(new ImsvaultError('ERR_ABORTED', 'x'), { token, list: [secret] })],
  ])('in errors: %s', (_name, error) => {
    expectNoSecrets(JSON.stringify(printable({ error })), [SECRET, TOKEN]);
  });
});

describe('what is no secret is shown', () => {
  it('plain data, as JSON shows it', () => {
    const plain = { text: 'a', number: 1.5, yes: true, none: null, list: [1, ['b']], __proto__x: {} };
    expect(printable({ ...plain, absent: undefined })).toEqual(plain);
    expect(printable([1n, Number.NaN, new Date(0), new Date(Number.NaN), undefined, Symbol('s')])).toEqual([
      '1',
      'NaN',
      '1970-01-01T00:00:00.000Z',
      null,
      null,
      '[symbol]',
    ]);
  });

  it('an error of ours, with what it knows', () => {
    const cause = new TokenRequestRejectedError('IMS refused', { error: 'invalid_client', status: 400, debugId: 'd' });
    const error = new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'no answer', { cause, hint: 'Wait.', retryAfterMs: 5 });
    expect(printable(error)).toEqual({
      name: 'ImsvaultError',
      code: 'ERR_SECRET_UNAVAILABLE',
      message: 'no answer',
      hint: 'Wait.',
      retryable: true,
      retryAfterMs: 5,
      cause: expect.objectContaining({ code: 'ERR_TOKEN_REQUEST_REJECTED', error: 'invalid_client', debugId: 'd' }),
    });
    const problems = [{ path: 'ims', message: 'bad' }];
    expect(printable(new ConfigInvalidError(problems))).toMatchObject({ problems });
  });

  it('a foreign error by its name, code and cause', () => {
    const error = Object.assign(new TypeError('x', { cause: { code: 1 } }), { code: 'ECONNRESET' });
    expect(printable(error)).toEqual({ name: 'TypeError', code: 'ECONNRESET', cause: { code: 1 } });
  });
});

describe('what resists', () => {
  it('costs its own field alone', () => {
    const throwing = {
      before: 1,
      get it(): unknown {
        throw new Error(SECRET);
      },
      after: 2,
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const refusing = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error(SECRET);
        },
      },
    );
    expect(printable([throwing, proxy, refusing, 'next'])).toEqual([
      { before: 1, it: '[unreadable]', after: 2 },
      '[unreadable]',
      '[unreadable]',
      'next',
    ]);
  });

  it('is bounded', () => {
    const list = printable(Array.from({ length: 5000 }, (_, index) => index)) as unknown[];
    expect(list.slice(98)).toEqual([98, 99, '[4900 more]']);
    const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`key${index}`, 1]));
    expect(Object.keys(printable(wide) as object)).toHaveLength(100);
  });
});
