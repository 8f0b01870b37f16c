import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { addressProblem } from '../../../providers/vault/address.js';
import { interpolate, Unresolved } from '../../../src/config/interpolate.js';
import { endpointProblem } from '../../../src/config/schema.js';
import { formatDuration, parseDuration } from '../../../src/duration.js';
import { proxySettingsFromEnv } from '../../../src/net/proxy-settings.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { expectOwn, fuzz } from './fuzz.js';
import { mutatedText, oddValues, secrets } from './mutations.js';

/** By hand, character by character. */
function durationOracle(value: string | number): number | undefined {
  if (typeof value === 'number')
    return value >= 0 && value === Math.floor(value) && Number.isFinite(value) ? value : undefined;
  const text = value.trim();
  const unit = ['ms', 's', 'm', 'h'].find((unit) => text.endsWith(unit) && (unit !== 's' || !text.endsWith('ms')));
  const [whole = '', part, ...more] = text
    .slice(0, text.length - (unit?.length ?? 0))
    .trimEnd()
    .split('.');
  const digits = (text: string, most: number) =>
    text.length > 0 && text.length <= most && [...text].every((char) => '0123456789'.includes(char));
  if (!digits(whole, 9) || (part !== undefined && !digits(part, 3)) || more.length > 0) return undefined;
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit ?? 'ms'] as number;
  return Math.round(Number(`${whole}.${part ?? 0}`) * factor);
}
const durations = fc.oneof(
  {
    weight: 5,
    arbitrary: mutatedText(
      fc
        .tuple(
          fc.nat(1e9),
          fc.constantFrom('', '.5', '.125', '.1234'),
          fc.constantFrom('', ' ', '\t'),
          fc.constantFrom('', 'ms', 's', 'm', 'h', 'd'),
        )
        .map((parts) => parts.join('')),
    ),
  },
  { weight: 1, arbitrary: fc.double() },
  {
    weight: 1,
    arbitrary: oddValues.filter((value) => typeof value === 'string' || typeof value === 'number') as fc.Arbitrary<
      string | number
    >,
  },
);

/** Finds the references by walking, not by a pattern. */
function interpolationOracle(text: string, env: Record<string, string>): string | undefined {
  let result = '';
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('$${', at)) {
      result += '${';
      at += 3;
    } else if (text.startsWith('${', at)) {
      const end = text.slice(at + 2).search(/[{}]/);
      if (end === -1 || text[at + 2 + end] !== '}') return undefined;
      const inner = text.slice(at + 2, at + 2 + end);
      const mark = inner.indexOf(':-');
      const name = mark === -1 ? inner : inner.slice(0, mark);
      if (!/^[A-Za-z_]/.test(name) || /\W/.test(name)) return undefined;
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (mark === -1 && value === undefined) return undefined;
      result += mark !== -1 && (value === undefined || value === '') ? inner.slice(mark + 2) : value;
      at += 3 + end;
    } else result += text[at++];
  }
  return result;
}
const references = fc
  .array(
    fc.constantFrom(
      '${SECRET}',
      '${EMPTY}',
      '${UNSET}',
      '${UNSET:-else}',
      '${EMPTY:-}',
      '$${',
      '${',
      '}',
      '$',
      '{',
      'a',
      ' ',
      '${__proto__:-x}',
      '${1}',
      ':-',
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

/** Loopback by its meaning: the names and numbers that lead to this machine alone. */
const isLoopback = (host: string) =>
  host === 'localhost' || host.endsWith('.localhost') || /^127(\.\d+){3}$/.test(host) || host === '[::1]';
const urls = secrets.chain((secret) =>
  fc.record({
    secret: fc.constant(secret),
    allowPlainHttp: fc.boolean(),
    text: mutatedText(
      fc
        .tuple(
          fc.constantFrom('https:', 'https:', 'https:', 'http:', 'HTTP:', 'socks5:', 'file:', 'javascript:', ''),
          fc.constantFrom('//', '//', '//', '', '/'),
          fc.constantFrom(
            '',
            '',
            '',
            `user:${encodeURIComponent(secret)}@`,
            `${encodeURIComponent(secret)}@`,
            `user:${secret}@`,
          ),
          fc.constantFrom(
            'ims.example',
            '127.0.0.1',
            'localhost',
            '127.1',
            '[::1]',
            '0x7f000001',
            '127.0.0.1.evil.example',
            'localhost.evil.example',
            '２',
            '',
          ),
          fc.constantFrom('', ':8200', ':0', ':99999'),
          fc.constantFrom(
            '',
            '/',
            '/v1',
            `/?client_secret=${encodeURIComponent(secret)}`,
            `/#${encodeURIComponent(secret)}`,
          ),
        )
        .map((parts) => parts.join('')),
    ),
  }),
);

describe('texts that people write', () => {
  fuzz('duration', durations, (value) => {
    const found = parseDuration(value);
    expect(found === durationOracle(value), `${found} of ${value}`).toBe(true);
    if (found === undefined) return 'refused';
    const whole = Math.min(found, 999_999_999);
    expect(parseDuration(`${whole}ms`)).toEqual(whole + 0);
    expect(formatDuration(found)).toMatch(/^\d[\de+.]* (s|min|h \d+ min)$/);
    return 'accepted';
  });

  fuzz('interpolation', fc.tuple(mutatedText(references), secrets), ([text, secret]) => {
    const env = { SECRET: secret, EMPTY: '' };
    const found = interpolate(text, env);
    const expected = interpolationOracle(text, env);
    if (found instanceof Unresolved) {
      expect(expected).toBeUndefined();
      expectNoSecrets(found, [secret]);
      return 'refused';
    }
    expect(found).toBe(expected);
    return 'accepted';
  });

  fuzz('credential URL', urls, ({ secret, text, allowPlainHttp }) => {
    const problems = [endpointProblem(text, allowPlainHttp), addressProblem(text, allowPlainHttp)];
    for (const problem of problems) {
      if (problem !== undefined) expectNoSecrets(problem, [secret]);
      else {
        const { protocol, hostname, username, password, search, hash } = new URL(text);
        expect([username, password, search, hash].join('')).toBe('');
        expect(protocol === 'https:' || (protocol === 'http:' && (allowPlainHttp || isLoopback(hostname)))).toBe(true);
      }
    }
    try {
      const { httpsProxy } = proxySettingsFromEnv({ HTTPS_PROXY: text });
      if (httpsProxy !== undefined)
        expect(new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`).protocol).toMatch(/^https?:$/);
    } catch (error) {
      expectOwn(error, ['ERR_CONFIG_INVALID'], [secret]);
    }
    return problems[0] === undefined ? 'accepted' : 'refused';
  });
});
