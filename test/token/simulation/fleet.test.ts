import { describe, expect, it } from 'vitest';
import { simulateFleet } from './fleet-simulation.js';
import { SEEDS, seeds, title } from './seeds.js';
import { CALM } from './servers.js';
import { createRandom } from './world.js';

const base = {
  lifeMs: 3_600_000,
  lifetimes: 5,
  claimTtlMs: 20_000,
  maxSkewMs: 0,
  crashes: 0,
  freezes: 0,
  faults: CALM,
};

describe(title('a simulated fleet'), { timeout: 3_600_000 }, () => {
  it('makes exactly one exchange per generation when nothing goes wrong', async () => {
    for (const seed of seeds) {
      const { exchanges, generations, violations } = await simulateFleet({ ...base, seed, workers: 3 + (seed % 48) });
      expect(violations, `seed ${seed}`).toEqual([]);
      expect({ seed, exchanges }).toEqual({ seed, exchanges: generations });
      expect(generations).toBeGreaterThanOrEqual(5);
      expect(generations).toBeLessThanOrEqual(7);
    }
  });

  it('does so too with wall clocks that are off by ten minutes', async () => {
    for (const seed of seeds) {
      const { exchanges, generations, violations } = await simulateFleet({
        ...base,
        seed,
        workers: 8,
        maxSkewMs: 600_000,
      });
      expect(violations, `seed ${seed}`).toEqual([]);
      expect({ seed, exchanges }).toEqual({ seed, exchanges: generations });
    }
  });

  it('does so too when answers are lost and reads are stale', async () => {
    const faults = { ...CALM, maxLatencyMs: 500, staleRead: 0.2, lostAnswer: 0.1 };
    for (const seed of seeds) {
      const { exchanges, generations, violations, events } = await simulateFleet({
        ...base,
        seed,
        workers: 10,
        faults,
      });
      expect(violations, `seed ${seed}`).toEqual([]);
      const alone = (events.uncoordinated ?? 0) + (events['publish-failed'] ?? 0) + (events['publish-lost'] ?? 0);
      expect(exchanges, `seed ${seed}: ${JSON.stringify(events)}`).toBeLessThanOrEqual(generations + alone);
    }
  });

  it('costs at most one exchange more for each crash or freeze', async () => {
    const faults = { ...CALM, maxLatencyMs: 1000 };
    for (const seed of seeds) {
      const random = createRandom(seed);
      const crashes = Math.floor(random() * 4);
      const freezes = Math.floor(random() * 3);
      const report = await simulateFleet({ ...base, seed, workers: 12, faults, crashes, freezes });
      expect(report.violations, `seed ${seed}`).toEqual([]);
      expect(report.exchanges, `seed ${seed}: ${JSON.stringify(report)}`).toBeLessThanOrEqual(
        report.generations + crashes + freezes,
      );
    }
  });

  it('serves every caller in time under everything at once', async () => {
    const faults = {
      maxLatencyMs: 3000,
      staleRead: 0.3,
      lostAnswer: 0.1,
      lostRequest: 0.1,
      lateWrite: 0.1,
      imsFailure: 0.2,
      hiddenEntry: 0,
    };
    for (const seed of seeds) {
      const report = await simulateFleet({
        ...base,
        seed,
        workers: 10,
        faults,
        maxSkewMs: 600_000,
        crashes: 2,
        freezes: 2,
      });
      expect(report.violations, `seed ${seed}: ${JSON.stringify(report.events)}`).toEqual([]);
    }
  });

  it('costs at most one exchange more when its renewer stops at any step, and leaves nobody without a token', async () => {
    for (const seed of seeds.slice(0, 4)) {
      let step = 1;
      for (; ; step++) {
        const report = await simulateFleet({ ...base, seed, lifetimes: 2, workers: 3, crashStep: step });
        if (!report.crashed || step > 25) break;
        const text = `seed ${seed}, step ${step}: ${JSON.stringify(report)}`;
        expect(report.violations, text).toEqual([]);
        expect(report.refused, text).toBe(0);
        expect(report.exchanges, text).toBeLessThanOrEqual(report.generations + 1);
      }
      // A claim, an exchange and a publication are eight steps at least.
      expect(step).toBeGreaterThan(8);
    }
  });

  it('takes writes that arrive a minute late', async () => {
    const faults = { ...CALM, lateWrite: 0.15 };
    for (const seed of seeds) {
      const report = await simulateFleet({ ...base, seed, workers: 10, faults });
      const text = `seed ${seed}: ${JSON.stringify(report)}`;
      expect([report.violations, report.refused], text).toEqual([[], 0]);
      const alone = (report.events.uncoordinated ?? 0) + (report.events['publish-failed'] ?? 0);
      expect(report.exchanges, text).toBeLessThanOrEqual(
        report.generations + alone + (report.events['publish-lost'] ?? 0),
      );
    }
  });

  it('keeps within a bound of calls while the store is away', async () => {
    for (const seed of seeds) {
      const workers = 10;
      const outages = [{ from: 1.5 * base.lifeMs, to: 2.5 * base.lifeMs }];
      const report = await simulateFleet({ ...base, seed, workers, outages });
      const text = `seed ${seed}: ${JSON.stringify(report)}`;
      expect(report.violations, text).toEqual([]);
      expect(report.refused, text).toBe(0);
      expect(report.outageCallsPerMinute, text).toBeLessThanOrEqual(2 * workers);
      expect(report.exchanges, text).toBeLessThanOrEqual(report.generations + 2 * workers);
    }
  });

  it('serves no expired token though wall clocks jump', async () => {
    for (const seed of seeds) {
      const report = await simulateFleet({ ...base, seed, workers: 8, maxSkewMs: 600_000, jumps: 6 });
      expect([report.violations, report.refused], `seed ${seed}: ${JSON.stringify(report)}`).toEqual([[], 0]);
    }
  });

  it('serves consumers as long as somebody renews', async () => {
    for (const seed of seeds) {
      const report = await simulateFleet({ ...base, seed, workers: 3, consumers: 7, maxSkewMs: 600_000 });
      const text = `seed ${seed}: ${JSON.stringify(report)}`;
      expect([report.violations, report.refused], text).toEqual([[], 0]);
      expect(report.exchanges, text).toBe(report.generations);
    }
  });

  it('with a store that tells no time, and clocks that are off by less than the floor, changes nothing', async () => {
    for (const seed of seeds) {
      const report = await simulateFleet({ ...base, seed, workers: 8, tellsTime: false, maxSkewMs: 25_000 });
      const text = `seed ${seed}: ${JSON.stringify(report)}`;
      expect([report.violations, report.refused], text).toEqual([[], 0]);
      expect(report.exchanges, text).toBe(report.generations);
    }
  });

  it.each([200, ...(SEEDS > 40 ? [5000] : [])])(
    'of %d workers makes one exchange per generation',
    async (workers) => {
      for (const seed of seeds.slice(0, workers === 200 ? 1 : 20)) {
        const report = await simulateFleet({ ...base, seed, workers, lifetimes: 2 });
        expect(report.violations, `seed ${seed}`).toEqual([]);
        expect({ seed, exchanges: report.exchanges }).toEqual({ seed, exchanges: report.generations });
      }
    },
    1_800_000,
  );
});
