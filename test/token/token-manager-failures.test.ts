import { describe, expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import type { RenewRequest } from '../../src/token/renew-request.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import type { TokenEvent } from '../../src/token/token-events.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock, settle } from '../support/manual-clock.js';

/** What calls alone lead to; the timer has tests of its own. */
const CALLS_ONLY = { ...DEFAULT_RENEWAL, background: false };
const HOUR = 3_600_000;

function setup(lifeSeconds = 86_400) {
  const clock = createManualClock();
  let failure: unknown;
  const renew = vi.fn(async () => {
    if (failure !== undefined) throw failure;
    return { token: fakeToken(clock.now(), lifeSeconds), source: 'test' };
  });
  const events: TokenEvent[] = [];
  const onEvent = (event: TokenEvent) => void events.push(event);
  const manager = createTokenManager({ renew, clock, random: () => 0.5, renewal: CALLS_ONLY, onEvent });
  return { clock, renew, manager, events, failWith: (error: unknown) => (failure = error) };
}

const outage = () => new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is down');

describe('token manager and failures', () => {
  it('forgets failures with the next success', async () => {
    const { clock, renew, manager, failWith } = setup(60);
    failWith(outage());
    for (let call = 0; call < 2; call++) await expect(manager.getToken()).rejects.toThrow('IMS is down');
    failWith(undefined);
    await clock.advance(1000);
    await manager.getToken();
    await clock.advance(60_000);
    failWith(outage());
    await expect(manager.getToken()).rejects.toThrow('IMS is down');
    const before = renew.mock.calls.length;
    await expect(manager.getToken()).rejects.toThrow('IMS is down');
    expect(renew.mock.calls.length - before).toBe(1);
  });

  it('does not hold failed early renewals against callers whose token has ended since', async () => {
    const { clock, renew, manager, failWith } = setup(3600);
    await manager.getToken();
    failWith(outage());
    for (let call = 0; call < 3; call++) {
      await clock.advance(call === 0 ? 0.95 * HOUR - 20_000 : 7000);
      await manager.getToken();
    }
    failWith(undefined);
    await clock.advance(60_000);
    const before = renew.mock.calls.length;
    expect((await manager.getToken()).accessToken).toMatch(/^fake-token-/);
    expect(renew.mock.calls.length - before).toBe(1);
  });

  it('tries once more for a caller whose token ends while an early renewal fails', async () => {
    const clock = createManualClock();
    let calls = 0;
    const manager = createTokenManager({
      clock,
      random: () => 0.5,
      renewal: CALLS_ONLY,
      async renew(request) {
        calls++;
        if (request.usable === undefined) return { token: fakeToken(clock.now(), 3600), source: 'test' };
        await new Promise<void>((resolve) => clock.setTimer(resolve, 120_000));
        throw outage();
      },
    });
    const first = await manager.getToken();
    await clock.advance(0.95 * HOUR);
    const call = manager.getToken();
    await clock.advance(120_000);
    expect(await call).not.toBe(first);
    expect(calls).toBe(3);
  });

  it('tries once more for a caller who joins an early renewal that fails, and has no token to fall back on', async () => {
    const clock = createManualClock();
    const requests: RenewRequest[] = [];
    const manager = createTokenManager({
      clock,
      random: () => 0.5,
      renewal: CALLS_ONLY,
      async renew(request) {
        requests.push(request);
        if (request.usable === undefined) return { token: fakeToken(clock.now(), 3600), source: 'test' };
        await new Promise<void>((resolve) => clock.setTimer(resolve, 1000));
        throw outage();
      },
    });
    const held = await manager.getToken();
    await clock.advance(0.86 * HOUR);
    expect(await manager.getToken()).toBe(held);
    const forced = manager.getToken({ forceRenew: held });
    await clock.advance(1000);
    expect(await forced).not.toBe(held);
    expect(requests).toEqual([{}, { usable: held }, { rejected: held }]);
  });

  it('lets a caller who has to wait join a renewal that runs, though early ones are paused', async () => {
    const clock = createManualClock();
    let answer: (() => void) | undefined;
    let failure: unknown;
    const manager = createTokenManager({
      clock,
      random: () => 0.5,
      renewal: CALLS_ONLY,
      async renew() {
        if (failure !== undefined) throw failure;
        if (manager.peekToken() !== undefined) await new Promise<void>((resolve) => (answer = resolve));
        return { token: fakeToken(clock.now(), 86_400), source: 'test' };
      },
    });
    const held = await manager.getToken();
    await clock.advance(24 * HOUR - 200_000);
    failure = outage();
    expect(await manager.getToken()).toBe(held);
    failure = undefined;
    const forced = manager.getToken({ forceRenew: true });
    const joined = manager.getToken();
    await settle();
    answer?.();
    expect(await joined).toBe(await forced);
    expect(await joined).not.toBe(held);
  });

  it.each<[string, unknown, string]>([
    ['of IMS', outage(), 'ERR_TOKEN_ENDPOINT_UNAVAILABLE'],
    ['that it does not know', new TypeError('odd'), 'ERR_UNEXPECTED'],
  ])('are told of where nobody waits: one %s', async (_title, error, code) => {
    const { clock, manager, events, failWith } = setup();
    await manager.getToken();
    events.length = 0;
    await clock.advance(0.86 * 24 * HOUR);
    failWith(error);
    await manager.getToken();
    await settle();
    expect(events).toMatchObject([{ type: 'renewal-failed', code, durationMs: 0, retryAt: clock.now() + 750 }]);
    expect(manager.status().lastError).toMatchObject({ code, at: clock.now(), retryAt: clock.now() + 750 });
  });

  it('are no failures where another process renews and nobody has to wait', async () => {
    const others = new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', 'another process renews', { retryAfterMs: 5000 });
    const { clock, manager, events, failWith } = setup();
    failWith(others);
    await expect(manager.getToken()).rejects.toBe(others);
    expect(events).toMatchObject([{ type: 'renewal-failed', code: 'ERR_TOKEN_WAIT_TIMEOUT' }]);
    failWith(undefined);
    await clock.advance(10_000);
    await manager.getToken();
    events.length = 0;
    failWith(others);
    await clock.advance(0.86 * 24 * HOUR);
    await manager.getToken();
    await settle();
    expect([events, manager.status()]).toEqual([[], expect.not.objectContaining({ lastError: expect.anything() })]);
  });

  it('are no successes either where the token held is all that there is', async () => {
    const { clock, manager, renew, events } = setup();
    const token = await manager.getToken();
    renew.mockResolvedValue({ token, source: 'token-store' });
    await clock.advance(0.86 * 24 * HOUR);
    await manager.getToken();
    await settle();
    expect([renew.mock.calls.length, events.map(({ type }) => type)]).toEqual([2, ['renewed']]);
  });

  it('are told as they are where renewals go on in the background', async () => {
    const clock = createManualClock();
    const error = outage();
    const manager = createTokenManager({ renew: () => Promise.reject(error), clock, random: () => 0.5 });
    await expect(manager.getToken()).rejects.toBe(error);
    expect(clock.pending).toBe(0);
  });

  it('say when the next try is allowed: at once after the first one without a token', async () => {
    const { clock, manager, events, failWith } = setup();
    failWith(outage());
    for (let call = 0; call < 2; call++) await expect(manager.getToken()).rejects.toThrow('IMS is down');
    const retryAt = events.map((event) => (event.type === 'renewal-failed' ? event.retryAt - clock.now() : undefined));
    expect(retryAt).toEqual([0, 750]);
  });

  it('serves the token at once while a renewal that is due is paused', async () => {
    const { clock, renew, manager, failWith } = setup();
    const token = await manager.getToken();
    failWith(outage());
    await clock.advance(24 * HOUR - 200_000);
    for (let call = 0; call < 5; call++) expect(await manager.getToken()).toBe(token);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('does not answer a forced call with the token that was refused, also while renewals pause', async () => {
    const { manager, failWith } = setup();
    const token = await manager.getToken();
    failWith(outage());
    for (let call = 0; call < 4; call++) {
      await expect(manager.getToken({ forceRenew: true })).rejects.toThrow('IMS is down');
      await expect(manager.getToken({ forceRenew: token })).rejects.toThrow('IMS is down');
    }
    expect(await manager.getToken()).toBe(token);
  });

  it('waits for a new token from the soft point on, where minTtlMs is above the life', async () => {
    const { clock, manager } = setup(3600);
    const token = await manager.getToken();
    await clock.advance(0.84 * HOUR);
    expect(await manager.getToken({ minTtlMs: 2 * HOUR })).toBe(token);
    await clock.advance(0.02 * HOUR);
    expect(await manager.getToken({ minTtlMs: 2 * HOUR })).not.toBe(token);
  });

  it('hands out nothing that arrives after close, even of a renewal that ignores its signal', async () => {
    const clock = createManualClock();
    let finish: () => void = () => undefined;
    const manager = createTokenManager({
      renew: () =>
        new Promise((resolve) => {
          finish = () => resolve({ token: fakeToken(clock.now(), 60), source: 'test' });
        }),
      clock,
      random: () => 0.5,
      renewal: CALLS_ONLY,
    });
    const call = expect(manager.getToken()).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    manager.close();
    finish();
    await call;
    await settle();
    expect(manager.peekToken()).toBeUndefined();
  });
});
