import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { AccessToken } from '../../../src/access-token.js';
import { ImsvaultError } from '../../../src/errors.js';
import { createCachedRenewal } from '../../../src/token/cache/cached-renewal.js';
import type { TokenCache } from '../../../src/token/cache/token-cache.js';
import type { TokenFrom } from '../../../src/token/held-token.js';
import type { RenewRequest } from '../../../src/token/renew-request.js';
import { fakeToken } from '../../support/fake-token.js';
import { afterFiles, machine, pump } from './fixture.js';

const never = new AbortController().signal;
const HOUR = 3_600_000;

async function fixture() {
  const { clock, folder, warnings, open } = await machine();
  let exchanges = 0;
  let exchange = async (_request?: RenewRequest): Promise<AccessToken> => fakeToken(clock.now(), 86_400);
  return {
    clock,
    folder,
    warnings,
    open,
    exchanges: () => exchanges,
    exchangesBy(next: (request?: RenewRequest) => Promise<AccessToken>) {
      exchange = next;
    },
    /** The renewal of a new process. */
    async process(cache?: TokenCache, maxWaitMs = 60_000) {
      return createCachedRenewal({
        cache: cache ?? (await open()),
        renew: async (request): Promise<TokenFrom> => {
          exchanges++;
          return { token: await exchange(request), source: 'env' };
        },
        clock,
        random: () => 0.5,
        maxWaitMs,
        warn: (message) => warnings.push(message),
      });
    },
  };
}

const unavailable = () => new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is down');

describe.skipIf(process.platform === 'win32')('renewal behind the cache of a machine', () => {
  it('exchanges once for many processes, one after the other or at once', async () => {
    const { process, exchanges, clock } = await fixture();
    const renewals = await Promise.all(Array.from({ length: 8 }, () => process()));
    const all = Promise.all(renewals.map((renew) => renew({}, never)));
    const tokens = await pump(clock, all);
    expect(exchanges()).toBe(1);
    expect(new Set(tokens.map(({ token }) => token.accessToken)).size).toBe(1);
    expect(tokens.map(({ source }) => source).sort()).toEqual([...Array(7).fill('cache'), 'env']);
    expect((await (await process())({}, never)).source).toBe('cache');
    expect(exchanges()).toBe(1);
  });

  it('renews from the soft point on; meanwhile others go on with the token', async () => {
    const { process, exchanges, exchangesBy, clock } = await fixture();
    const { token: first } = await (await process())({}, never);
    await clock.advance(21 * HOUR);
    let finish = (_token: AccessToken) => {};
    exchangesBy(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    const renewing = (await process())({}, never);
    await afterFiles(() => exchanges() === 2);
    const other = await (await process())({}, never);
    expect(other).toMatchObject({ source: 'cache' });
    expect(other.token.accessToken).toBe(first.accessToken);
    finish(fakeToken(clock.now(), 86_400));
    expect((await renewing).source).toBe('env');
    expect((await (await process())({}, never)).token.accessToken).not.toBe(first.accessToken);
    expect(exchanges()).toBe(2);
  });

  it('serves the valid token when an early renewal fails, and tries no more for a while', async () => {
    const { process, exchanges, exchangesBy, clock, warnings } = await fixture();
    const { token: first } = await (await process())({}, never);
    await clock.advance(21 * HOUR);
    exchangesBy(() => Promise.reject(unavailable()));
    expect((await (await process())({}, never)).token.accessToken).toBe(first.accessToken);
    expect(warnings).toEqual([expect.stringMatching(/not renewed early .*IMS is down/)]);
    expect((await (await process())({}, never)).token.accessToken).toBe(first.accessToken);
    expect(exchanges()).toBe(2);
    await clock.advance(1000);
    await (await process())({}, never);
    expect(exchanges()).toBe(3);
  });

  it('gives an early renewal ten seconds', async () => {
    const { process, exchanges, exchangesBy, clock, warnings } = await fixture();
    const { token: first } = await (await process())({}, never);
    await clock.advance(21 * HOUR);
    exchangesBy(() => new Promise(() => {}));
    const renewing = (await process())({}, never);
    await afterFiles(() => exchanges() === 2);
    await clock.advance(10_000);
    expect((await renewing).token.accessToken).toBe(first.accessToken);
    expect(warnings).toEqual([expect.stringMatching(/not renewed early/)]);
  });

  it('keeps a token that came in time, however long the file takes', async () => {
    const { process, open, exchangesBy, clock, warnings } = await fixture();
    const { token: first } = await (await process())({}, never);
    await clock.advance(21 * HOUR);
    const cache = await open();
    let written = () => {};
    const slow: TokenCache = {
      ...cache,
      async write(token) {
        await new Promise<void>((resolve) => {
          written = resolve;
        });
        await cache.write(token);
      },
    };
    exchangesBy(async () => {
      await clock.advance(9_999);
      return fakeToken(clock.now(), 86_400);
    });
    const renewing = (await process(slow))({}, never);
    await afterFiles(() => clock.monotonic() === 21 * HOUR + 9_999);
    await clock.advance(10_000);
    written();
    const { token, source } = await renewing;
    expect([token === first, source, warnings]).toEqual([false, 'env', []]);
    expect((await (await process())({}, never)).token.accessToken).toBe(token.accessToken);
  });

  it('tells an early renewal which token it may fall back on, and hides no mistake in it', async () => {
    const { process, exchangesBy, clock } = await fixture();
    const { token: first } = await (await process())({}, never);
    await clock.advance(21 * HOUR);
    exchangesBy(async (request) => {
      throw new TypeError(`usable: ${request?.usable?.accessToken}`);
    });
    await expect((await process())({}, never)).rejects.toThrow(`usable: ${first.accessToken}`);
  });

  it('says nothing of an early renewal that others of the fleet make', async () => {
    const { process, exchanges, exchangesBy, clock, warnings } = await fixture();
    const { token: first } = await (await process())({}, never);
    await clock.advance(21 * HOUR);
    const othersRenew = new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', 'another renews', { retryAfterMs: 5000 });
    exchangesBy(() => Promise.reject(othersRenew));
    expect((await (await process())({}, never)).token.accessToken).toBe(first.accessToken);
    expect(warnings).toEqual([]);
    await clock.advance(4999);
    await (await process())({}, never);
    expect(exchanges()).toBe(2);
  });

  it('takes no lock for a token that is fresh', async () => {
    const { process, open } = await fixture();
    await (await process())({}, never);
    const tryAcquire = vi.fn(async () => undefined);
    expect((await (await process({ ...(await open()), lock: { tryAcquire } }))({}, never)).source).toBe('cache');
    expect(tryAcquire).not.toHaveBeenCalled();
  });

  it('keeps no token that the caller has already, or that an API refused', async () => {
    const { process, open, exchangesBy, clock } = await fixture();
    const same = fakeToken(clock.now(), 86_400);
    exchangesBy(async () => same);
    expect((await (await process())({ usable: same }, never)).token).toBe(same);
    expect((await (await process())({ rejected: same }, never)).token).toBe(same);
    expect((await open()).read()).toBeUndefined();
  });

  it('lets a caller know that its renewal failed who has a token to serve meanwhile', async () => {
    const { process, exchangesBy, clock } = await fixture();
    const usable = fakeToken(clock.now(), 3600);
    await (await process())({}, never);
    await clock.advance(21 * HOUR);
    exchangesBy(() => Promise.reject(unavailable()));
    await expect((await process())({ usable }, never)).rejects.toThrow('IMS is down');
  });

  it('without a usable token an error is an error, and the lock is free again', async () => {
    const { process, exchanges, exchangesBy, clock } = await fixture();
    exchangesBy(() => Promise.reject(unavailable()));
    await expect((await process())({}, never)).rejects.toThrow('IMS is down');
    exchangesBy(async () => fakeToken(clock.now(), 3600));
    expect((await (await process())({}, never)).source).toBe('env');
    expect(exchanges()).toBe(2);
  });

  it('force renews through the cache, once for those who ask together', async () => {
    const { process, exchanges, clock } = await fixture();
    const { token: first } = await (await process())({}, never);
    const renewals = await Promise.all(Array.from({ length: 4 }, () => process()));
    const all = Promise.all(renewals.map((renew) => renew({ forced: true }, never)));
    const forced = await pump(clock, all);
    expect(exchanges()).toBe(2);
    expect(new Set(forced.map(({ token }) => token.accessToken)).size).toBe(1);
    expect(forced[0]?.token.accessToken).not.toBe(first.accessToken);
    expect((await (await process())({}, never)).token.accessToken).toBe(forced[0]?.token.accessToken);
  });

  it('gives a newer token for one that an API refused, never the same', async () => {
    const { process, exchanges, clock } = await fixture();
    const { token: refused } = await (await process())({}, never);
    await clock.advance(1000);
    const { token: next, source } = await (await process())({ rejected: refused }, never);
    expect(source).toBe('env');
    const other = await (await process())({ rejected: refused }, never);
    expect(other).toMatchObject({ source: 'cache' });
    expect(other.token.accessToken).toBe(next.accessToken);
    expect(exchanges()).toBe(2);
  });

  it.each([
    ['older', 3600],
    ['no later', 86_400],
  ])('gives none for it that expires %s', async (_title, lifeSeconds) => {
    const { process, open, clock } = await fixture();
    await (await open()).write(fakeToken(clock.now(), lifeSeconds));
    const rejected = fakeToken(clock.now(), 86_400);
    expect((await (await process())({ rejected }, never)).source).toBe('env');
  });

  it('force renews where the cache is empty', async () => {
    const { process, exchanges, clock } = await fixture();
    const renewals = await Promise.all(Array.from({ length: 4 }, () => process()));
    const all = Promise.all(renewals.map((renew) => renew({ forced: true }, never)));
    const forced = await pump(clock, all);
    expect([exchanges(), new Set(forced.map(({ token }) => token.accessToken)).size]).toEqual([1, 1]);
  });

  it('tells a caller who holds a token to come again, when another process renews', async () => {
    const { process, open } = await fixture();
    const { token: usable } = await (await process())({}, never);
    const release = await (await open()).lock.tryAcquire();
    await expect((await process())({ usable }, never)).rejects.toMatchObject({
      code: 'ERR_TOKEN_WAIT_TIMEOUT',
      retryAfterMs: 1000,
      message: expect.stringContaining('another process of this machine renews'),
    });
    await release?.();
  });

  it('looks again every 50 to 100 ms', async () => {
    const { process, open, clock } = await fixture();
    const tryAcquire = vi.fn(async () => undefined);
    const controller = new AbortController();
    const waiting = (await process({ ...(await open()), lock: { tryAcquire } }))({}, controller.signal);
    await clock.advance(750);
    expect(tryAcquire).toHaveBeenCalledTimes(11);
    controller.abort();
    await expect(waiting).rejects.toThrow();
  });

  it('serves a token that is almost over rather than exchange beside a holder that lives', async () => {
    const { process, open, exchanges, clock } = await fixture();
    const { token: first } = await (await process())({}, never);
    await clock.advance(23 * HOUR + 56 * 60_000);
    await (await open()).lock.tryAcquire();
    const waiting = (await process(undefined, 2000))({}, never);
    expect((await pump(clock, waiting)).token.accessToken).toBe(first.accessToken);
    expect(exchanges()).toBe(1);
  });

  it('waits for a holder that lives up to its bound, then exchanges beside it and says so', async () => {
    const { process, open, exchanges, clock, warnings } = await fixture();
    await clock.advance(10_000);
    await (await open()).lock.tryAcquire();
    const waiting = (await process(undefined, 8000))({}, never);
    expect((await pump(clock, waiting)).source).toBe('env');
    expect(clock.monotonic()).toBeGreaterThanOrEqual(18_000);
    expect(exchanges()).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/has been renewing for 8 s/)]);
  });

  it('goes without a lock where none can be made', async () => {
    const { process, open, warnings } = await fixture();
    const cache = await open();
    const lock = { tryAcquire: () => Promise.reject(Object.assign(new Error(), { code: 'EROFS' })) };
    expect((await (await process({ ...cache, lock }))({}, never)).source).toBe('env');
    expect(warnings).toEqual([expect.stringMatching(/no lock between processes \(EROFS\)/)]);
  });

  it('takes over from a holder that was killed', async () => {
    const { process, open, exchanges, clock, folder } = await fixture();
    await (await open()).write(fakeToken(clock.now() - 2 * 24 * HOUR, 86_400));
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    await writeFile(join(folder, `${file}.lock`), '');
    const waiting = (await process())({}, never);
    expect((await pump(clock, waiting)).source).toBe('env');
    expect(exchanges()).toBe(1);
  });

  it('ends its wait with the signal', async () => {
    const { process, open, exchanges, clock } = await fixture();
    await (await open()).lock.tryAcquire();
    const controller = new AbortController();
    const waiting = (await process())({}, controller.signal);
    await clock.advance(1000);
    const reason = new Error('stop');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(exchanges()).toBe(0);
  });
});
