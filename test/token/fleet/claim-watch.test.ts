import { describe, expect, it } from 'vitest';
import { createClaimWatch, type Sighting } from '../../../src/token/fleet/claim-watch.js';
import { createManualClock } from '../../support/manual-clock.js';

it('counts from when it first saw a claim, by the monotonic clock', async () => {
  const clock = createManualClock();
  const watch = createClaimWatch(clock);
  const claim = { id: 'a', ttlMs: 20_000 };
  await clock.advance(5000);
  expect(watch.claimLeftMs(claim)).toBe(20_000);
  await clock.advance(19_999);
  clock.jump(3_600_000);
  expect(watch.claimLeftMs(claim)).toBe(1);
  clock.jump(-7_200_000);
  await clock.advance(1);
  expect(watch.claimLeftMs(claim)).toBe(0);
  expect(watch.claimLeftMs({ id: 'b', ttlMs: 1000 })).toBe(1000);
});

it('still knows a claim after a stale read has shown the one before', async () => {
  const clock = createManualClock();
  const watch = createClaimWatch(clock);
  watch.claimLeftMs({ id: 'old', ttlMs: 20_000 });
  await clock.advance(20_000);
  watch.claimLeftMs({ id: 'new', ttlMs: 20_000 });
  await clock.advance(10_000);
  expect(watch.claimLeftMs({ id: 'old', ttlMs: 20_000 })).toBe(0);
  expect(watch.claimLeftMs({ id: 'new', ttlMs: 20_000 })).toBe(10_000);
});

it('watches failures apart from claims', async () => {
  const clock = createManualClock();
  const watch = createClaimWatch(clock);
  const failure = { id: 'a', code: 'invalid_client', retryAfterMs: 300_000, count: 1 };
  expect(watch.failureLeftMs(failure)).toBe(300_000);
  await clock.advance(100_000);
  watch.claimLeftMs({ id: 'a', ttlMs: 1000 });
  expect(watch.failureLeftMs(failure)).toBe(200_000);
});

describe('sightings that outlive a process', () => {
  /** A machine whose processes come and go. */
  function createMachine() {
    const clock = createManualClock();
    let kept: readonly Sighting[] = [];
    const saves: number[] = [];
    const machine = {
      clock,
      bootId: 'boot-1',
      saves,
      load: () => kept,
      uptimeMs: () => clock.monotonic() + 1_000_000,
      save(sightings: readonly Sighting[]) {
        saves.push(sightings.length);
        kept = sightings;
      },
    };
    return machine;
  }
  const claim = { id: 'a', ttlMs: 20_000 };

  it('let the next process count on', async () => {
    const machine = createMachine();
    expect(createClaimWatch(createManualClock(), machine).claimLeftMs(claim)).toBe(20_000);
    await machine.clock.advance(15_000);
    const next = createClaimWatch(createManualClock(), machine);
    expect([next.claimLeftMs(claim), machine.saves]).toEqual([5000, [1]]);
  });

  it('say nothing after another start of the machine, nor from the future', async () => {
    const machine = createMachine();
    await machine.clock.advance(15_000);
    createClaimWatch(createManualClock(), machine).claimLeftMs(claim);
    machine.bootId = 'boot-2';
    await machine.clock.advance(5000);
    expect(createClaimWatch(createManualClock(), machine).claimLeftMs(claim)).toBe(20_000);
    machine.uptimeMs = () => 0;
    expect(createClaimWatch(createManualClock(), machine).claimLeftMs(claim)).toBe(20_000);
  });

  it('are at most 8, and saved only when there is a new one', () => {
    const machine = createMachine();
    const watch = createClaimWatch(createManualClock(), machine);
    for (let index = 0; index < 12; index++) {
      for (let look = 0; look < 3; look++) watch.claimLeftMs({ id: `claim-${index}`, ttlMs: 20_000 });
    }
    expect(machine.saves).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8]);
  });

  it('are the newest 8 where more are there', () => {
    const machine = createMachine();
    machine.save(Array.from({ length: 12 }, (_, index) => ({ id: `old-${index}`, bootId: 'boot-1', uptimeMs: 0 })));
    createClaimWatch(createManualClock(), machine).claimLeftMs({ id: 'new', ttlMs: 20_000 });
    const ids = machine.load().map(({ id }) => id);
    expect(ids).toEqual([...Array.from({ length: 7 }, (_, index) => `old-${index + 5}`), 'new']);
  });
});
