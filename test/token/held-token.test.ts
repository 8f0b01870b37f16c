import { expect, it } from 'vitest';
import { holdToken } from '../../src/token/held-token.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock } from '../support/manual-clock.js';

const HOUR = 3_600_000;

it('a token that others made an hour ago is an hour old, also when the wall clock is set back', async () => {
  const clock = createManualClock();
  await clock.advance(10 * HOUR);
  const token = fakeToken(clock.now() - HOUR, 2 * 3600);
  const held = holdToken({ token, source: 'token-store' }, clock.monotonic(), clock, DEFAULT_RENEWAL, 0.5);
  expect(held.ageMs()).toBe(HOUR);
  clock.jump(-3 * HOUR);
  expect(held.ageMs()).toBe(HOUR);
  expect(held.phase()).toBe('fresh');
  await clock.advance(HOUR);
  expect([held.ageMs(), held.phase()]).toEqual([2 * HOUR, 'expired']);
});

it('a token of this process is as old as its request, also when the wall clock says less', async () => {
  const clock = createManualClock();
  const requestedAt = clock.monotonic();
  await clock.advance(5000);
  const token = fakeToken(clock.now(), 3600);
  const held = holdToken({ token, source: 'env' }, requestedAt, clock, DEFAULT_RENEWAL, 0.5);
  expect(held.ageMs()).toBe(5000);
  // A jump counts on top: nobody knows whether the machine slept.
  clock.jump(60_000);
  expect(held.ageMs()).toBe(65_000);
});

it('does not age by a wall clock that goes a little to and fro', async () => {
  const clock = createManualClock();
  const token = fakeToken(clock.now(), 3600);
  const held = holdToken({ token, source: 'env' }, clock.monotonic(), clock, DEFAULT_RENEWAL, 0.5);
  for (let look = 0; look < 100; look++) {
    await clock.advance(5000);
    clock.jump(look % 2 === 0 ? 1000 : -1000);
    held.ageMs();
  }
  expect(held.ageMs()).toBe(500_000);
});
