import { expect, it } from 'vitest';
import { createClaimWatch } from '../../src/token/claim-watch.js';
import { createManualClock } from '../support/manual-clock.js';

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
