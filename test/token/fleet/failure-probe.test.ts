import { expect, it } from 'vitest';
import { createFailureProbe } from '../../../src/token/fleet/failure-probe.js';
import { createManualClock } from '../../support/manual-clock.js';

it('is due every five minutes, for the failure that this process shared last, and no other', async () => {
  const clock = createManualClock();
  await clock.advance(1_000_000);
  const probe = createFailureProbe(clock);
  expect(probe.isDue('mine')).toBe(false);
  probe.shared('before');
  probe.shared('mine');
  await clock.advance(299_999);
  expect(probe.isDue('mine')).toBe(false);
  await clock.advance(1);
  expect([probe.isDue('another'), probe.isDue('before')]).toEqual([false, false]);
  expect([probe.isDue('mine'), probe.isDue('mine')]).toEqual([true, false]);
  await clock.advance(300_000);
  expect(probe.isDue('mine')).toBe(true);
});
