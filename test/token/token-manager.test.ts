import { describe, expect, it, vi } from 'vitest';
import { AccessToken } from '../../src/access-token.js';
import { ImsvaultError } from '../../src/errors.js';
import type { GetTokenOptions } from '../../src/token/get-token-options.js';
import type { TokenFrom } from '../../src/token/held-token.js';
import type { RenewRequest } from '../../src/token/renew-request.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock, settle } from '../support/manual-clock.js';

/** What calls alone lead to; the timer has tests of its own. */
const CALLS_ONLY = { ...DEFAULT_RENEWAL, background: false };
const HOUR = 3_600_000;
const DAY_SECONDS = 86_400;

/** A manager whose renewals take `latencyMs` on its clock and give tokens of `lifeSeconds`. */
function setup({ lifeSeconds = DAY_SECONDS, latencyMs = 0, random = 0.5 } = {}) {
  const clock = createManualClock();
  let failure: unknown;
  const renew = vi.fn(async (_request: RenewRequest, signal: AbortSignal): Promise<TokenFrom> => {
    const issuedAt = clock.now();
    if (latencyMs > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, latencyMs));
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    return { token: fakeToken(issuedAt, lifeSeconds), source: 'test' };
  });
  const manager = createTokenManager({ renew, clock, random: () => random, renewal: CALLS_ONLY });
  return { clock, renew, manager, failWith: (error: unknown) => (failure = error) };
}

const outage = () => new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is down');

describe('token manager', () => {
  it('exchanges once for 1,000 cold calls at once', async () => {
    const { clock, renew, manager } = setup({ latencyMs: 200 });
    const calls = Array.from({ length: 1000 }, () => manager.getToken());
    await clock.advance(200);
    const tokens = await Promise.all(calls);
    expect(renew).toHaveBeenCalledTimes(1);
    expect(new Set(tokens).size).toBe(1);
  });

  it('serves the held token until its soft point, and renews in the background from there', async () => {
    const { clock, renew, manager } = setup({ latencyMs: 200 });
    const first = manager.getToken();
    await clock.advance(200);
    const token = await first;
    await clock.advance(0.85 * 24 * HOUR - 201);
    expect(await manager.getToken()).toBe(token);
    expect(renew).toHaveBeenCalledTimes(1);

    await clock.advance(1);
    expect(await manager.getToken()).toBe(token);
    expect(await manager.getToken()).toBe(token);
    expect(renew).toHaveBeenCalledTimes(2);
    expect(renew.mock.calls.map(([request]) => request)).toEqual([{}, { usable: token }]);
    await clock.advance(200);
    expect(await manager.getToken()).not.toBe(token);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('makes callers wait for the renewal from the hard point on', async () => {
    const { clock, renew, manager } = setup();
    const token = await manager.getToken();
    await clock.advance(24 * HOUR - 300_000);
    expect(await manager.getToken()).not.toBe(token);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('serves a valid token when its renewal fails, up to the floor and not beyond', async () => {
    const { clock, manager, failWith } = setup();
    const token = await manager.getToken();
    failWith(outage());
    await clock.advance(24 * HOUR - 200_000);
    expect(await manager.getToken()).toBe(token);
    await clock.advance(139_999);
    expect(await manager.getToken()).toBe(token);
    expect(manager.peekToken()).toBe(token);
    await clock.advance(1);
    expect(manager.peekToken()).toBeUndefined();
    await expect(manager.getToken()).rejects.toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
  });

  it('pauses between failed background renewals, and takes up again after', async () => {
    const { clock, renew, manager, failWith } = setup();
    await manager.getToken();
    failWith(outage());
    await clock.advance(0.86 * 24 * HOUR);
    for (let call = 0; call < 100; call++) await manager.getToken();
    await settle();
    expect(renew).toHaveBeenCalledTimes(2);
    let last = renew.mock.calls.length;
    // 10 minutes of one call a second: pauses of 1, 2, 4 … 300 s, none longer than its bound.
    for (let second = 0; second < 600; second++) {
      await clock.advance(1000);
      await manager.getToken();
    }
    expect(renew.mock.calls.length - last).toBeLessThan(15);
    expect(renew.mock.calls.length - last).toBeGreaterThan(4);
    failWith(undefined);
    last = renew.mock.calls.length;
    await clock.advance(300_000);
    await manager.getToken();
    await settle();
    expect(renew.mock.calls.length - last).toBe(1);
  });

  it("waits out the server's Retry-After before the next background renewal", async () => {
    const { clock, renew, manager, failWith } = setup();
    await manager.getToken();
    failWith(new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'throttled', { retryAfterMs: 120_000 }));
    await clock.advance(0.86 * 24 * HOUR);
    await manager.getToken();
    await clock.advance(119_000);
    await manager.getToken();
    expect(renew).toHaveBeenCalledTimes(2);
    await clock.advance(1000);
    await manager.getToken();
    expect(renew).toHaveBeenCalledTimes(3);
  });

  it('tries again at once after one failed cold call, then pauses', async () => {
    const { clock, renew, manager, failWith } = setup();
    failWith(outage());
    await expect(manager.getToken()).rejects.toThrow('IMS is down');
    await expect(manager.getToken()).rejects.toThrow('IMS is down');
    for (let call = 0; call < 50; call++) await expect(manager.getToken()).rejects.toThrow('IMS is down');
    expect(renew).toHaveBeenCalledTimes(2);
    failWith(undefined);
    await clock.advance(1000);
    expect((await manager.getToken()).accessToken).toMatch(/^fake-token-/);
  });

  it('renews 60-second tokens in time', async () => {
    const { clock, renew, manager } = setup({ lifeSeconds: 60 });
    for (let second = 0; second < 130; second++) {
      const token = await manager.getToken();
      expect(token.expiresAt - clock.now()).toBeGreaterThanOrEqual(3000);
      await clock.advance(1000);
    }
    expect(renew).toHaveBeenCalledTimes(3);
  });

  it('lets forced calls share one exchange', async () => {
    const { clock, renew, manager } = setup({ latencyMs: 100 });
    const first = manager.getToken();
    await clock.advance(100);
    const token = await first;
    const forced = [1, 2, 3].map(() => manager.getToken({ forceRenew: true }));
    await clock.advance(100);
    expect(new Set(await Promise.all(forced)).size).toBe(1);
    expect((await forced[0]) === token).toBe(false);
    expect(renew).toHaveBeenCalledTimes(2);
    // A fleet must know which generation is not wanted any more.
    expect(renew.mock.calls[1]?.[0]).toEqual({ forced: token });
  });

  it('renews for a rejected token only while that is the one held', async () => {
    const { renew, manager } = setup();
    const old = await manager.getToken();
    const renewed = await manager.getToken({ forceRenew: old });
    expect(renewed).not.toBe(old);
    expect(await manager.getToken({ forceRenew: old })).toBe(renewed);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('names the token that is refused as it holds it, or else as it was given', async () => {
    const { clock, renew, manager } = setup();
    const stranger = fakeToken(clock.now() - HOUR, DAY_SECONDS);
    const first = await manager.getToken({ forceRenew: stranger });
    const copy = new AccessToken({ ...first, accessToken: first.accessToken });
    await manager.getToken({ forceRenew: copy });
    await clock.advance(25 * HOUR);
    await manager.getToken({ forceRenew: stranger });
    await manager.getToken({ forceRenew: true });
    expect(renew.mock.calls.map(([request]) => Object.keys(request))).toEqual([
      ...[['rejected'], ['rejected'], ['rejected'], ['forced']],
    ]);
    const [one, two, three] = renew.mock.calls.map(([request]) => request.rejected);
    expect([one === stranger, two === first, three === stranger]).toEqual([true, true, true]);
  });

  it('asks without a token by force for one newer than any', async () => {
    const { renew, manager } = setup();
    await manager.getToken({ forceRenew: true });
    expect(renew.mock.calls[0]?.[0]).toStrictEqual({ forced: true });
  });

  it('does not hide that a forced renewal failed, and keeps the token for the others', async () => {
    const { manager, failWith } = setup();
    const token = await manager.getToken();
    failWith(outage());
    await expect(manager.getToken({ forceRenew: true })).rejects.toThrow('IMS is down');
    expect(await manager.getToken()).toBe(token);
  });

  it('renews for minTtlMs, and not for ever where tokens live shorter', async () => {
    const { clock, renew, manager } = setup({ lifeSeconds: 3600 });
    const token = await manager.getToken();
    await clock.advance(HOUR / 2);
    expect(await manager.getToken({ minTtlMs: HOUR / 2 })).toBe(token);
    const longer = await manager.getToken({ minTtlMs: HOUR / 2 + 1 });
    expect(longer).not.toBe(token);
    expect(await manager.getToken({ minTtlMs: 2 * HOUR })).toBe(longer);
    await clock.advance(1);
    // What lives just as long has had its day when it is a millisecond old.
    expect(await manager.getToken({ minTtlMs: HOUR })).toBe(longer);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it.each<[string, unknown]>([
    ['signal must be an AbortSignal', { signal: { aborted: true } }],
    ['minTtlMs', { minTtlMs: Number.NaN }],
    ['minTtlMs', { minTtlMs: Number.POSITIVE_INFINITY }],
    ['minTtlMs', { minTtlMs: -1 }],
    ['minTtlMs', { minTtlMs: '5' }],
    ['signal', { signal: new AbortController() }],
    ['forceRenew', { forceRenew: 'yes' }],
    ['forceRenew', { forceRenew: null }],
    ['"forceRenw"; it takes signal, forceRenew and minTtlMs', { forceRenw: true }],
    ['"scope"', { forceRenew: true, scope: undefined }],
    ['"toString"', { toString: true }],
    ['options', null],
    ['options', 5],
  ])('refuses a wrong %s: %j', async (name, options) => {
    const { renew, manager } = setup();
    const error = await manager.getToken(options as GetTokenOptions).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(new RegExp(name));
    expect(renew).not.toHaveBeenCalled();
  });

  it('asks again where others made a token older than the caller wants, and makes do with it where that fails', async () => {
    const wanted = { minTtlMs: 0.75 * HOUR };
    const { clock, renew, manager } = setup({ lifeSeconds: 3600 });
    const older = fakeToken(clock.now() - HOUR / 2, 3600);
    renew.mockResolvedValueOnce({ token: older, source: 'token-store' });
    expect((await manager.getToken(wanted)).expiresAt).toBe(clock.now() + HOUR);
    expect(renew.mock.calls.map(([request]) => request)).toEqual([{}, { usable: older }]);

    const other = setup({ lifeSeconds: 3600 });
    other.renew.mockResolvedValueOnce({ token: older, source: 'token-store' });
    other.failWith(outage());
    expect(await other.manager.getToken(wanted)).toBe(older);
    // Of its own making it takes what it gets.
    const own = setup({ lifeSeconds: 1800 });
    await own.manager.getToken(wanted);
    expect(own.renew).toHaveBeenCalledTimes(1);
    expect(await own.manager.getToken({ minTtlMs: 0 })).toBe(own.manager.peekToken());
  });

  it('begins nothing for a caller who has gone', async () => {
    const { renew, manager } = setup();
    await expect(manager.getToken({ signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
    expect(renew).not.toHaveBeenCalled();
  });

  it('lets a thousand callers wait on one signal without a warning of Node', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const { clock, manager } = setup({ latencyMs: 100 });
    const { signal } = new AbortController();
    const calls = Array.from({ length: 1000 }, () => manager.getToken({ signal }));
    await clock.advance(100);
    await Promise.all(calls);
    await settle();
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });

  it('listens to no signal where a token is held', async () => {
    const { manager } = setup();
    const { signal } = new AbortController();
    const listen = vi.spyOn(signal, 'addEventListener');
    await manager.getToken();
    await manager.getToken({ signal });
    expect(listen).not.toHaveBeenCalled();
    await manager.getToken({ signal, forceRenew: true });
    expect(listen).toHaveBeenCalledOnce();
  });

  it("ends an aborted caller's wait and no one else's", async () => {
    const { clock, renew, manager } = setup({ latencyMs: 500 });
    const controller = new AbortController();
    const reason = new Error('gave up');
    const aborted = manager.getToken({ signal: controller.signal });
    const patient = manager.getToken();
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await clock.advance(500);
    expect((await patient).accessToken).toMatch(/^fake-token-/);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('serves no ended token where the wall clock was set back, and the machine slept later', async () => {
    const { clock, manager } = setup({ lifeSeconds: 3600 });
    await manager.getToken();
    clock.jump(-HOUR);
    await manager.getToken();
    // Asleep: the monotonic clock stands still.
    clock.jump(HOUR / 2);
    await clock.advance(HOUR / 2);
    expect(manager.peekToken()).toBeUndefined();
  });

  it('serves no token that had ended when it came, because the machine slept meanwhile', async () => {
    const { clock, renew, manager, failWith } = setup({ lifeSeconds: 3600, latencyMs: 200 });
    const slept = expect(manager.getToken()).rejects.toThrow('IMS is down');
    await clock.advance(100);
    clock.jump(2 * HOUR);
    await clock.advance(100);
    // The next one is tried at once.
    failWith(outage());
    await clock.advance(200);
    await slept;
    expect(renew).toHaveBeenLastCalledWith({ forced: expect.any(AccessToken) }, expect.anything());

    failWith(undefined);
    const again = expect(manager.getToken()).rejects.toMatchObject({
      code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      message: 'each token had ended when it came',
      retryable: true,
    });
    for (let round = 0; round < 4; round++) {
      await clock.advance(100);
      clock.jump(2 * HOUR);
      await clock.advance(100);
    }
    await again;
    // The two of before, one for the call, and three more.
    expect(renew).toHaveBeenCalledTimes(2 + 1 + 3);
  });

  it('gives a forced call the new token that is short, where a longer one cannot be had', async () => {
    const { clock, renew, manager, failWith } = setup({ lifeSeconds: 3600 });
    await manager.getToken();
    const short = fakeToken(clock.now() - HOUR / 2, 3600);
    renew.mockResolvedValueOnce({ token: short, source: 'token-store' });
    failWith(outage());
    expect(await manager.getToken({ forceRenew: true, minTtlMs: 0.75 * HOUR })).toBe(short);
  });

  it('names the token that has ended, so that nobody who knows less of its age gives it again', async () => {
    const { clock, renew, manager } = setup();
    const token = await manager.getToken();
    await clock.advance(25 * HOUR);
    clock.jump(-20 * HOUR);
    expect(await manager.getToken()).not.toBe(token);
    expect(renew.mock.lastCall?.[0].forced).toBe(token);
  });

  it('asks again where those who asked before got the token that is refused', async () => {
    const clock = createManualClock();
    const refused = fakeToken(clock.now(), DAY_SECONDS);
    const next = fakeToken(clock.now(), DAY_SECONDS);
    const renew = vi.fn(
      async (request: RenewRequest): Promise<TokenFrom> => ({
        token: request.rejected === undefined ? refused : next,
        source: 'test',
      }),
    );
    const manager = createTokenManager({ renew, clock, random: () => 0.5, renewal: CALLS_ONLY });
    const [plain, forced] = await Promise.all([manager.getToken(), manager.getToken({ forceRenew: refused })]);
    expect(plain).toBe(refused);
    expect(forced).toBe(next);
    expect(renew).toHaveBeenCalledTimes(2);
    expect(manager.peekToken()).toBe(next);
  });

  it('asks once where what comes is the token that is refused', async () => {
    const { renew, manager } = setup();
    const token = await manager.getToken();
    renew.mockResolvedValue({ token, source: 'token-store' });
    expect(await manager.getToken({ forceRenew: token })).toBe(token);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('counts a jump of the wall clock against the token, and none in its favour', async () => {
    const { clock, renew, manager } = setup();
    const token = await manager.getToken();
    clock.jump(-10 * HOUR);
    await clock.advance(24 * HOUR - 60_000);
    expect(manager.peekToken()).toBeUndefined();
    expect(await manager.getToken()).not.toBe(token);
    clock.jump(24 * HOUR);
    expect(manager.peekToken()).toBeUndefined();
    await manager.getToken();
    expect(renew).toHaveBeenCalledTimes(3);
  });

  it('drops a renewal that ends after close, and refuses further calls', async () => {
    const { clock, manager } = setup({ latencyMs: 100 });
    const closed = { code: 'ERR_ABORTED', message: 'this token provider is closed' };
    const call = expect(manager.getToken()).rejects.toMatchObject(closed);
    manager.close();
    await clock.advance(100);
    await call;
    await expect(manager.getToken()).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(manager.peekToken()).toBeUndefined();
  });

  it('raises no unhandled rejection when a background renewal fails', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { clock, manager, failWith } = setup();
    await manager.getToken();
    failWith(outage());
    await clock.advance(0.9 * 24 * HOUR);
    await manager.getToken();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
