import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { AccessToken } from '../src/access-token.js';
import { sleep, systemClock } from '../src/clock.js';
import { DeadlineExceeded, withDeadline } from '../src/deadline.js';
import { parseDuration } from '../src/duration.js';
import { ConfigInvalidError, ImsvaultError, vendorCause } from '../src/errors.js';
import { Redacted, redact, reveal } from '../src/redacted.js';
import { fullJitterDelay, parseRetryAfter, runWithRetry } from '../src/retry.js';
import { loadSdk } from '../src/secret/load-sdk.js';
import { parseStringList } from '../src/string-list.js';
import { VERSION } from '../src/version.js';
import { expectNoSecrets } from './support/leaks.js';
import { createManualClock } from './support/manual-clock.js';

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
  });
});

describe('retry', () => {
  const policy = { maxAttempts: 3, baseDelayMs: 100, maxDelayMs: 300, maxRetryAfterMs: 1000 };

  it('jitters over the whole doubled bound', () => {
    expect([1, 2, 3, 9].map((failures) => fullJitterDelay(policy, failures, 0.999))).toEqual([
      99.9, 199.8, 299.7, 299.7,
    ]);
    expect(fullJitterDelay(policy, 5, 0)).toBe(0);
  });

  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['0', 0],
    [' 12 ', 12_000],
    ['1e3', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 50_000],
    ['Thursday, 01-Jan-70 00:01:00 GMT', 50_000],
    ['99999999999', undefined],
  ])('reads Retry-After %j', (header, expected) => {
    expect(parseRetryAfter(header, 10_000)).toBe(expected);
  });

  it('tries as often as it may, then throws the last error', async () => {
    const clock = createManualClock();
    const attempt = vi.fn(async (number: number) => {
      throw new Error(`try ${number}`);
    });
    const run = expect(
      runWithRetry(attempt, { policy, clock, random: () => 0.5, decide: () => ({ retry: true }) }),
    ).rejects.toThrow('try 3');
    await clock.advance(1000);
    await run;
    expect(attempt).toHaveBeenCalledTimes(3);
  });
});

describe('deadline', () => {
  it('settles in time even if the work ignores its signal', async () => {
    const clock = createManualClock();
    const run = expect(withDeadline(clock, 50, undefined, () => new Promise(() => undefined))).rejects.toThrow(
      DeadlineExceeded,
    );
    await clock.advance(50);
    await run;
  });

  it('leaves no timer and no listener behind', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    expect(await withDeadline(clock, 50, controller.signal, async () => 7)).toBe(7);
    expect(clock.pending).toBe(0);
    expect(remove).toHaveBeenCalledWith('abort', expect.any(Function));
  });

  it('does not begin work for a caller who has gone', async () => {
    const work = vi.fn();
    await expect(withDeadline(createManualClock(), 50, AbortSignal.abort('gone'), work)).rejects.toBe('gone');
    expect(work).not.toHaveBeenCalled();
  });
});

describe('sleep', () => {
  it('ends at once on abort, and cleans up', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const nap = expect(sleep(clock, 1000, controller.signal)).rejects.toBe('woken');
    controller.abort('woken');
    await nap;
    expect(clock.pending).toBe(0);
  });

  it('takes longer delays than a timer does, without firing at once', () => {
    const fired = vi.fn();
    const cancel = systemClock.setTimer(fired, 2 ** 40);
    cancel();
    expect(fired).not.toHaveBeenCalled();
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
  });
});

it('the version is that of package.json', () => {
  expect(VERSION).toBe(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
});
