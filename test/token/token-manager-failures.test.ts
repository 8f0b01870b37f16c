import { describe, expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
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
  const manager = createTokenManager({ renew, clock, random: () => 0.5, renewal: CALLS_ONLY });
  return { clock, renew, manager, failWith: (error: unknown) => (failure = error) };
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
