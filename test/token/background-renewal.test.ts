import { describe, expect, it, vi } from 'vitest';
import type { AccessToken } from '../../src/access-token.js';
import { ImsvaultError } from '../../src/errors.js';
import type { TokenFrom } from '../../src/token/held-token.js';
import type { RenewRequest } from '../../src/token/renew-request.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock, settle } from '../support/manual-clock.js';
import { createRandom } from './simulation/world.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function setup({ lifeMs = DAY, random = (): number => 0.5, background = true, clock = createManualClock() } = {}) {
  let failure: unknown;
  const renewedAt: number[] = [];
  const renew = vi.fn(async (_request: RenewRequest): Promise<TokenFrom> => {
    renewedAt.push(clock.monotonic());
    if (failure !== undefined) throw failure;
    return { token: fakeToken(clock.now(), lifeMs / 1000), source: 'test' };
  });
  const manager = createTokenManager({ renew, clock, random, renewal: { ...DEFAULT_RENEWAL, background } });
  return { clock, renew, renewedAt, manager, failWith: (error: unknown) => (failure = error) };
}

const outage = () => new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is down');
const othersRenew = () => new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', 'another renews', { retryAfterMs: 5000 });

describe('renewal without a call', () => {
  it('begins at the soft point of each token, and not before', async () => {
    const { clock, manager, renewedAt } = setup();
    const first = await manager.getToken();
    await clock.advance(0.85 * DAY - 1);
    expect(renewedAt).toEqual([0]);
    await clock.advance(1);
    expect(manager.peekToken()).not.toBe(first);
    await clock.advance(1.7 * DAY);
    const soft = 0.85 * DAY;
    expect(renewedAt).toEqual([0, soft, 2 * soft, 3 * soft]);
  });

  it('waits for the first call, and does not begin where the config says so', async () => {
    const waiting = setup();
    await waiting.clock.advance(DAY);
    expect(waiting.renew).not.toHaveBeenCalled();
    const off = setup({ background: false });
    await off.manager.getToken();
    expect(off.clock.pending).toBe(0);
    await off.clock.advance(2 * DAY);
    expect(off.renew).toHaveBeenCalledTimes(1);
  });

  it('stops with close, also when a renewal was under way', async () => {
    const idle = setup();
    await idle.manager.getToken();
    expect(idle.clock.pending).toBe(1);
    idle.manager.close();
    expect(idle.clock.pending).toBe(0);

    const { clock, manager, renew } = setup();
    await manager.getToken();
    const forced = manager.getToken({ forceRenew: true }).catch(() => undefined);
    manager.close();
    await forced;
    await settle();
    expect(clock.pending).toBe(0);
    await clock.advance(2 * DAY);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('holds no process: its timers are not ref’d', async () => {
    const clock = createManualClock();
    const setTimer = vi.spyOn(clock, 'setTimer');
    await setup({ clock }).manager.getToken();
    expect(setTimer.mock.calls.map(([, , options]) => options?.ref ?? false)).toEqual([false]);
  });

  it.each([
    ['the wall clock is set on', 23 * HOUR],
    ['the machine slept past the expiry', 50 * HOUR],
  ])('comes within a minute after %s', async (_title, jumpMs) => {
    const { clock, manager, renewedAt } = setup();
    await manager.getToken();
    await clock.advance(HOUR + 1);
    clock.jump(jumpMs);
    await clock.advance(MINUTE);
    expect(renewedAt).toHaveLength(2);
  });

  it('keeps its time when the wall clock is set back', async () => {
    const { clock, manager, renewedAt } = setup();
    await manager.getToken();
    clock.jump(-10 * HOUR);
    await clock.advance(0.85 * DAY);
    expect(renewedAt).toEqual([0, 0.85 * DAY]);
  });

  it('tries again at the end of each pause, at most once a minute, and serves the token until its floor', async () => {
    const { clock, manager, renewedAt, failWith } = setup();
    const token = await manager.getToken();
    failWith(outage());
    await clock.advance(DAY - 60_001);
    expect(manager.peekToken()).toBe(token);
    await clock.advance(1);
    expect(manager.peekToken()).toBeUndefined();
    const gaps = renewedAt.slice(2).map((at, index) => at - (renewedAt[index + 1] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(MINUTE);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5 * MINUTE + 1000);
    // An outage past the expiry ends without a caller, too.
    await clock.advance(HOUR);
    failWith(undefined);
    await clock.advance(5 * MINUTE);
    expect(manager.peekToken()).toBeDefined();
  });

  it('looks again soon while another process renews', async () => {
    const { clock, manager, renewedAt, failWith } = setup({ lifeMs: 5 * MINUTE });
    await manager.getToken();
    failWith(othersRenew());
    await clock.advance(4.25 * MINUTE);
    failWith(undefined);
    await clock.advance(5000);
    expect(renewedAt).toEqual([0, 4.25 * MINUTE, 4.25 * MINUTE + 5000]);
    expect(manager.status().lastError).toBeUndefined();
  });

  it('of a consumer whose renewers are gone gets rarer', async () => {
    const { clock, manager, renewedAt, failWith } = setup({ lifeMs: HOUR });
    await manager.getToken();
    await clock.advance(0.9 * HOUR);
    failWith(othersRenew());
    await clock.advance(3 * HOUR);
    const before = renewedAt.length;
    await clock.advance(HOUR);
    expect(renewedAt.length - before).toBeLessThanOrEqual(24);
    expect(renewedAt.length - before).toBeGreaterThanOrEqual(11);
  });

  it('leaves no rejection unhandled, whatever fails', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { clock, manager, failWith, renew } = setup({ lifeMs: HOUR });
    await manager.getToken();
    for (const error of [outage(), othersRenew(), new TypeError('a bug'), undefined]) {
      failWith(error ?? new ImsvaultError('ERR_ABORTED', 'odd'));
      await clock.advance(HOUR);
      manager.getToken({ forceRenew: true }).catch(() => undefined);
    }
    expect(renew.mock.calls.length).toBeGreaterThan(8);
    manager.close();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('a thousand managers made at one moment', () => {
  /** How many renewals the fullest hundredth of a life holds: of all first ones, of all second ones, and so on. */
  async function fullest(lives: number): Promise<number[]> {
    const lifeMs = MINUTE;
    const random = createRandom(7);
    const slots = Array.from({ length: lives }, () => new Map<number, number>());
    for (let index = 0; index < 1000; index++) {
      const { clock, manager, renewedAt } = setup({ lifeMs, random });
      await manager.getToken();
      await clock.advance(lives * lifeMs);
      manager.close();
      for (const [life, counts] of slots.entries()) {
        const slot = Math.floor((100 * (renewedAt[life + 1] as number)) / lifeMs);
        counts.set(slot, (counts.get(slot) ?? 0) + 1);
      }
    }
    return slots.map((counts) => Math.max(...counts.values()));
  }

  it('spread their first renewals evenly over the tenth of a life that they have, and drift apart from then on', async () => {
    const [first = 0, second = 0, , fourth = 0] = await fullest(4);
    // A tenth of a life has ten hundredths: 10 % in each is as even as it gets.
    expect(first).toBeLessThanOrEqual(130);
    expect(second).toBeLessThanOrEqual(70);
    expect(fourth).toBeLessThanOrEqual(45);
  });
});

describe('a rejected token', () => {
  it('is renewed once for a thousand callers, and names the token to the fleet', async () => {
    const { manager, renew } = setup();
    const old = await manager.getToken();
    const tokens = await Promise.all(Array.from({ length: 1000 }, () => manager.getToken({ forceRenew: old })));
    expect(new Set(tokens).size).toBe(1);
    expect(renew.mock.calls.slice(1)).toEqual([[{ rejected: old }, expect.any(AbortSignal)]]);
    // Latecomers with the old one get the newer at once.
    expect(await manager.getToken({ forceRenew: old })).toBe(tokens[0]);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('is known by its value, and by the object that the fleet knows', async () => {
    const { manager, renew } = setup();
    const held = await manager.getToken();
    const same = Object.assign(Object.create(Object.getPrototypeOf(held)), {}) as AccessToken;
    vi.spyOn(same, 'accessToken', 'get').mockReturnValue(held.accessToken);
    expect(await manager.getToken({ forceRenew: same })).not.toBe(held);
    expect(renew.mock.calls[1]?.[0].rejected).toBe(held);
  });

  it('of which a newer one is held, and due, is not named again', async () => {
    const { clock, manager, renew } = setup({ background: false });
    const old = await manager.getToken();
    const held = await manager.getToken({ forceRenew: old });
    await clock.advance(DAY - 4 * MINUTE);
    await manager.getToken({ forceRenew: old });
    expect(renew.mock.calls[2]?.[0]).toEqual({ usable: held });
  });

  it('by force names the token held, so that a fleet renews once', async () => {
    const { manager, renew } = setup();
    await manager.getToken({ forceRenew: true });
    const held = await manager.getToken();
    await manager.getToken({ forceRenew: true });
    expect(renew.mock.calls.map(([request]) => request)).toEqual([{ forced: true }, { forced: held }]);
  });
});
