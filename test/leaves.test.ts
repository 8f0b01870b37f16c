import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AccessToken } from '../src/access-token.js';
import { parseDuration } from '../src/duration.js';
import { ConfigInvalidError, ImsvaultError, vendorCause } from '../src/errors.js';
import { Redacted, redact, reveal } from '../src/redacted.js';
import { loadSdk } from '../src/secret/load-sdk.js';
import { parseStringList } from '../src/string-list.js';
import { VERSION } from '../src/version.js';
import { expectNoSecrets } from './support/leaks.js';

const SECRET = 'p8e-leaf-marked-secret';

describe('redacted', () => {
  it('gives its value to reveal alone', () => {
    const wrapped = redact(SECRET);
    expect(reveal(wrapped)).toBe(SECRET);
    expect(`${wrapped}`).toBe('[redacted]');
    expect(JSON.stringify({ wrapped })).toBe('{"wrapped":"[redacted]"}');
    expect(inspect({ wrapped })).toContain('[redacted]');
    expectNoSecrets(wrapped, [SECRET]);
    expectNoSecrets(inspect(wrapped, { customInspect: false, showHidden: true, depth: Infinity }), [SECRET]);
  });

  it('says so when another copy of imsvault made it', () => {
    expect(() => reveal(Object.create(Redacted.prototype))).toThrow(/another copy/);
  });
});

describe('access token', () => {
  const token = new AccessToken({
    accessToken: SECRET,
    tokenType: 'bearer',
    issuedAt: 1,
    expiresAt: 2,
    scope: ['a'],
    clientId: 'id',
  });

  it('is readable by name, and by nothing that prints or copies', () => {
    expect(token.accessToken).toBe(SECRET);
    expect(Object.keys(token)).toEqual(['tokenType', 'expiresAt', 'issuedAt', 'scope', 'clientId']);
    expect(JSON.parse(JSON.stringify(token))).toMatchObject({ accessToken: '[redacted]', clientId: 'id' });
    expectNoSecrets(token, [SECRET]);
    expectNoSecrets({ ...token }, [SECRET]);
    expectNoSecrets(inspect(token, { customInspect: false, showHidden: true }), [SECRET]);
  });

  it('cannot be changed', () => {
    expect(() => Object.assign(token, { expiresAt: 9 })).toThrow(TypeError);
    expect(() => (token.scope as string[]).push('b')).toThrow(TypeError);
  });
});

describe('errors', () => {
  it('carry no undefined fields', () => {
    expect(Object.keys(new ImsvaultError('ERR_ABORTED', 'x')).sort()).toEqual(['code', 'name', 'retryable']);
  });

  it('put several problems on lines of their own', () => {
    const error = new ConfigInvalidError([
      { path: 'a.b', message: 'is wrong', source: 'x.yaml:3' },
      { path: '', message: 'is odd' },
    ]);
    expect(error.message).toBe('2 problems:\n  a.b: is wrong (x.yaml:3)\n  is odd');
  });

  it("keep of a vendor's error nothing that could hold a secret", () => {
    const vendor = Object.assign(new Error(SECRET), {
      code: `https://user:${SECRET}@host`,
      config: { headers: { 'X-Vault-Token': SECRET } },
    });
    expect(vendorCause(vendor, { status: 403, requestId: 'req-1' })).toEqual({
      name: 'Error',
      status: 403,
      requestId: 'req-1',
    });
    expect(vendorCause(undefined)).toEqual({ name: 'Error' });
    expect(vendorCause({ name: 'x'.repeat(101), code: 'x'.repeat(100) }, { requestId: 'two words' })).toEqual({
      name: 'Error',
      code: 'x'.repeat(100),
    });
  });
});

describe('lists and durations', () => {
  it.each<[unknown, string[] | undefined]>([
    ['a,b', ['a', 'b']],
    ['a b', ['a', 'b']],
    [' a ,, b ', ['a', 'b']],
    ['["a","b"]', ['a', 'b']],
    [
      ['a', 'a', ' b '],
      ['a', 'b'],
    ],
    ['', []],
    ['[broken', undefined],
    [[1], undefined],
    [7, undefined],
    [undefined, undefined],
  ])('list %j', (value, expected) => {
    expect(parseStringList(value)).toEqual(expected);
  });

  it.each<[string | number, number | undefined]>([
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['1.5s', 1500],
    ['7', 7],
    [7, 7],
    ['', undefined],
    ['-1s', undefined],
    ['1d', undefined],
    [1.5, undefined],
    [-1, undefined],
  ])('duration %j', (value, expected) => {
    expect(parseDuration(value)).toBe(expected);
  });
});

describe('loadSdk', () => {
  const missing = (name: string) => async () => {
    throw Object.assign(new Error(`Cannot find package '${name}' imported from x`), { code: 'ERR_MODULE_NOT_FOUND' });
  };

  it('prints the install line for a missing SDK, and for nothing else', async () => {
    await expect(loadSdk(missing('node-vault'), 'vault', 'node-vault')).rejects.toMatchObject({
      code: 'ERR_PROVIDER_NOT_INSTALLED',
      hint: 'Run: npm install node-vault',
    });
    await expect(loadSdk(missing('axios'), 'vault', 'node-vault')).rejects.toMatchObject({
      code: 'ERR_MODULE_NOT_FOUND',
    });
    await expect(loadSdk(missing('b'), 'two', 'a b')).rejects.toMatchObject({
      message: 'the provider "two" needs a and b',
      hint: 'Run: npm install a b',
    });
    const required = Object.assign(new Error("Cannot find module 'node-vault'"), { code: 'MODULE_NOT_FOUND' });
    await expect(loadSdk(() => Promise.reject(required), 'vault', 'node-vault')).rejects.toMatchObject({
      code: 'ERR_PROVIDER_NOT_INSTALLED',
    });
    const silent = { code: 'MODULE_NOT_FOUND' };
    await expect(loadSdk(() => Promise.reject(silent), 'vault', 'node-vault')).rejects.toBe(silent);
    const other = Object.assign(new Error("'node-vault' is odd"), { code: 'ERR_REQUIRE_ESM' });
    await expect(loadSdk(async () => Promise.reject(other), 'vault', 'node-vault')).rejects.toBe(other);
    expect(await loadSdk(async () => 7, 'vault', 'node-vault')).toBe(7);
  });
});

it('the version is that of package.json', () => {
  expect(VERSION).toBe(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
});
