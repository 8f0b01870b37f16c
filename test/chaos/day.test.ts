import { describe, expect, it, vi } from 'vitest';
import { simulateDay } from './day.js';
import { form } from './support/form.js';
import { memoryFolder } from './support/memory-folder.js';
import { record } from './support/reliability.js';

vi.mock('node:fs/promises', async (original) =>
  (await import('./support/observed-files.js')).observeFiles(await original()),
);

/** In the full form; the first one is that of the run. A day that fails is run alone by its seed in the short form. */
const DAYS = form.short ? 1 : Number(process.env.IMSVAULT_CHAOS_DAYS ?? 20);
const MAX_WAIT_MS = 240_000;
/** The longest pause after a failure is 5 min. */
const MAX_RECOVERY_MS = 360_000;
/**
 * Of each process, also with lives of 5 min. It asks 55 times an hour, and once a minute nobody asks: each may be several
 * requests to IMS that fails. In a fleet one process asks for all.
 */
const MAX_IMS_PER_HOUR = { alone: 240, fleet: 60 };
/** Of each process in the last hour, in which nothing is wrong: after a call it waits for 125 s at most. */
const MIN_CALLS_AT_LAST = 24;
const MAX_STORE_PER_HOUR = 600;

describe.skipIf(process.platform === 'win32')(`24 hours of everything, ${DAYS} seeds from ${form.seed}`, () => {
  it('break no promise', { timeout: DAYS * 60_000 }, async (context) => {
    for (let seed = form.seed; seed < form.seed + DAYS; seed++) {
      const limits = { maxWaitMs: MAX_WAIT_MS, maxRecoveryMs: MAX_RECOVERY_MS };
      const { violations, ...report } = await simulateDay({ seed, runtime: memoryFolder(), ...limits });
      const text = `IMSVAULT_CHAOS=short IMSVAULT_CHAOS_SEED=${seed}: ${JSON.stringify(report)}`;
      console.info(text);
      expect(violations.slice(0, 5), text).toEqual([]);
      const isFleet = report.place === 'compare-and-swap' || report.place === 'election';
      expect(report.imsPerHour, text).toBeLessThanOrEqual(MAX_IMS_PER_HOUR[isFleet ? 'fleet' : 'alone']);
      expect(report.storePerHour, text).toBeLessThanOrEqual(MAX_STORE_PER_HOUR);
      // Those that failed count too, so this says that something was going on.
      expect(report.calls, text).toBeGreaterThan(3700);
      expect(Math.min(...report.callsAtLast), text).toBeGreaterThanOrEqual(MIN_CALLS_AT_LAST);
      expect(report.refused, text).toBeLessThan(report.calls / 2);
    }
    record(context, {
      section: 'day',
      fault: 'for 23 of 24 hours all at random: IMS, both stores, network, cache files, clocks, sleep, deaths, reboots',
      sees: 'the token, or a code of IMS or the store',
      within: '4 min of running; 6 min after the last fault every call gets the token',
      kept: 'no expired token served, no call without an end, no unhandled rejection; of each process at most 240 requests an hour to IMS (60 where the store takes care that one asks for all) and 600 to the token store',
    });
  });
});
