import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { TokenFrom } from '../../src/token/held-token.js';
import type { RenewRequest } from '../../src/token/renew-request.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';

const HOUR = 3_600_000;

/** A clock whose turns a test ends, and that counts how often it is read. */
function createTurningClock() {
  const manual = createManualClock();
  let ends: (() => void)[] = [];
  let reads = 0;
  const clock: ManualClock = {
    ...manual,
    now() {
      reads++;
      return manual.now();
    },
    endOfTurn: (callback) => ends.push(callback),
  };
  return {
    clock,
    reads: () => reads,
    armed: () => ends.length,
    endTurn() {
      const due = ends;
      ends = [];
      for (const callback of due) callback();
    },
  };
}

async function setup(turning = createTurningClock()) {
  const { clock } = turning;
  const renew = vi.fn(
    async (_request: RenewRequest): Promise<TokenFrom> => ({
      token: fakeToken(clock.now(), 24 * 3600),
      source: 'test',
    }),
  );
  const manager = createTokenManager({ renew, clock, random: () => 0.5 });
  const token = await manager.getToken();
  turning.endTurn();
  return { ...turning, renew, manager, token };
}

describe('calls of one turn of the event loop', () => {
  it('look at the clock once for 64', async () => {
    const { manager, token, reads } = await setup();
    const before = reads();
    for (let call = 0; call < 64; call++) expect(await manager.getToken()).toBe(token);
    const once = reads() - before;
    expect(once).toBeGreaterThan(0);
    await manager.getToken();
    expect(reads() - before).toBe(2 * once);
  });

  it('look at it again in the next turn', async () => {
    const { manager, reads, endTurn } = await setup();
    await manager.getToken();
    endTurn();
    const before = reads();
    await manager.getToken();
    expect(reads()).toBeGreaterThan(before);
  });

  it('look at it again in every turn', async () => {
    const { manager, reads, armed, endTurn } = await setup();
    for (let turn = 0; turn < 3; turn++) {
      const before = reads();
      await manager.getToken();
      await manager.getToken();
      const once = reads() - before;
      expect([once > 0, armed()]).toEqual([true, 1]);
      endTurn();
      expect(armed()).toBe(0);
    }
  });

  it('wait for one end of the turn however many they are', async () => {
    const { manager, armed } = await setup();
    for (let call = 0; call < 1000; call++) await manager.getToken();
    expect(armed()).toBe(1);
  });

  it('share the look between getToken and peekToken', async () => {
    const { manager, token, reads } = await setup();
    expect(manager.peekToken()).toBe(token);
    const before = reads();
    expect(await manager.getToken()).toBe(token);
    expect(manager.peekToken()).toBe(token);
    expect(reads()).toBe(before);
  });

  it('look at it each time once the token is to be renewed', async () => {
    const { manager, clock, reads, token, renew } = await setup();
    renew.mockReturnValue(new Promise(() => undefined));
    await clock.advance(0.85 * 24 * HOUR);
    expect(await manager.getToken()).toBe(token);
    const before = reads();
    expect(await manager.getToken()).toBe(token);
    expect(manager.peekToken()).toBe(token);
    expect(reads()).toBeGreaterThan(before);
  });

  it('are bounded where a turn outlasts the token', async () => {
    const { manager, clock, token } = await setup();
    await manager.getToken();
    clock.jump(25 * HOUR);
    const given = [];
    for (let call = 0; call < 70; call++) given.push(await manager.getToken());
    expect(given.filter((each) => each === token)).toHaveLength(63);
  });
});

describe('a call in the next turn', () => {
  it('never gets a token that has ended meanwhile', async () => {
    const { manager, clock, endTurn, token } = await setup();
    await manager.getToken();
    clock.jump(25 * HOUR);
    endTurn();
    expect(manager.peekToken()).toBeUndefined();
    expect(await manager.getToken()).not.toBe(token);
  });
});

describe('a call in the same turn', () => {
  it('gets the token that came meanwhile', async () => {
    const { manager, token } = await setup();
    await manager.getToken();
    const next = await manager.getToken({ forceRenew: true });
    expect(next).not.toBe(token);
    expect(await manager.getToken()).toBe(next);
    expect(manager.peekToken()).toBe(next);
  });

  it('gets none where the one that came meanwhile is of no more use', async () => {
    const { manager, clock, renew } = await setup();
    await manager.getToken();
    renew.mockResolvedValueOnce({ token: fakeToken(clock.now() - HOUR, 3600), source: 'test' });
    renew.mockRejectedValue(new Error('no other'));
    await expect(manager.getToken({ forceRenew: true })).rejects.toThrow('no other');
    expect(manager.peekToken()).toBeUndefined();
  });

  it('gets none after close', async () => {
    const { manager } = await setup();
    await manager.getToken();
    manager.close();
    expect(manager.peekToken()).toBeUndefined();
    await expect(manager.getToken()).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });

  it('reads a clock that knows no turns', async () => {
    const turning = createTurningClock();
    const { endOfTurn: _, ...clock } = turning.clock;
    const { manager, reads } = await setup({ ...turning, clock });
    await manager.getToken();
    const before = reads();
    await manager.getToken();
    expect(reads()).toBeGreaterThan(before);
  });
});

describe('the end of a turn by the machine', () => {
  it('comes before the loop waits for a timer or an event', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      systemClock.setTimer(() => order.push('timer') && resolve(), 20, { ref: true });
      systemClock.endOfTurn?.(() => order.push('end of turn'));
      queueMicrotask(() => order.push('microtask'));
    });
    expect(order).toEqual(['microtask', 'end of turn', 'timer']);
  });
});
