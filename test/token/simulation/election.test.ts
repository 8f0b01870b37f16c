import { describe, expect, it } from 'vitest';
import { type Scenario, simulateFleet } from './fleet-simulation.js';
import { distribution, SEEDS, seeds, title } from './seeds.js';
import { CALM } from './servers.js';

const base: Omit<Scenario, 'seed' | 'workers'> = {
  store: 'election',
  claimSpreadMs: 2000,
  lifeMs: 3_600_000,
  lifetimes: 3,
  claimTtlMs: 20_000,
  maxSkewMs: 0,
  crashes: 0,
  freezes: 0,
  faults: CALM,
};

describe(title('a fleet that elects its renewer'), { timeout: 36_000_000 }, () => {
  it('makes exactly one exchange per generation when nothing goes wrong', async () => {
    for (const seed of seeds) {
      const report = await simulateFleet({ ...base, seed, workers: 3 + (seed % 48), maxSkewMs: 600_000 });
      const text = `seed ${seed}: ${JSON.stringify(report)}`;
      expect([report.violations, report.refused], text).toEqual([[], 0]);
      expect(report.exchanges, text).toBe(report.generations);
      expect(report.generations, text).toBeGreaterThanOrEqual(3);
    }
  });

  it('costs at most one exchange more when its renewer stops at any step, and leaves nobody without a token', async () => {
    for (const seed of seeds.slice(0, 4)) {
      let step = 1;
      for (; ; step++) {
        const report = await simulateFleet({ ...base, seed, lifetimes: 2, workers: 3, crashStep: step });
        if (!report.crashed || step > 60) break;
        const text = `seed ${seed}, step ${step}: ${JSON.stringify(report)}`;
        expect([report.violations, report.refused], text).toEqual([[], 0]);
        expect(report.exchanges, text).toBeLessThanOrEqual(report.generations + 1);
      }
      expect(step).toBeGreaterThan(15);
    }
  });

  it('costs at most one exchange more for each entry that is listed late', async () => {
    const extra: number[] = [];
    for (const seed of seeds) {
      const report = await simulateFleet({ ...base, seed, workers: 20, faults: { ...CALM, hiddenEntry: 0.5 } });
      const text = `seed ${seed}: ${JSON.stringify(report)}`;
      expect([report.violations, report.refused], text).toEqual([[], 0]);
      expect(report.exchanges, text).toBeLessThanOrEqual(report.generations + report.mishaps);
      extra.push(report.exchanges - report.generations);
    }
    console.info(`half of all entries listed up to 2 s late: exchanges more: schedules — ${distribution(extra)}`);
  });

  it.each([200, ...(SEEDS > 40 ? [5000] : [])])('of %d workers makes one exchange per generation', async (workers) => {
    for (const seed of seeds.slice(0, workers === 200 ? 1 : 20)) {
      const report = await simulateFleet({ ...base, seed, workers, lifetimes: 2 });
      expect([report.violations, report.refused], `seed ${seed}`).toEqual([[], 0]);
      expect({ seed, exchanges: report.exchanges }).toEqual({ seed, exchanges: report.generations });
    }
  });
});
