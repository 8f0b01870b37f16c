import { describe, expect, it } from 'vitest';
import { type Scenario, simulateFleet } from './fleet-simulation.js';
import { seeds, title } from './seeds.js';
import { CALM } from './servers.js';

const base: Omit<Scenario, 'seed'> = {
  workers: 50,
  lifeMs: 3_600_000,
  lifetimes: 0.5,
  claimTtlMs: 20_000,
  maxSkewMs: 0,
  crashes: 0,
  freezes: 0,
  faults: CALM,
};

/** Over all seeds: writes that were sent per fleet, and how long a worker waited for its first token. */
async function coldStarts(scenario: Omit<Scenario, 'seed'>) {
  let writes = 0;
  const waits: number[] = [];
  for (const seed of seeds) {
    const report = await simulateFleet({ ...scenario, seed });
    expect([report.violations, report.refused, report.exchanges], `seed ${seed}`).toEqual([[], 0, 1]);
    writes += report.storeWrites;
    waits.push(...report.firstWaits);
  }
  waits.sort((a, b) => a - b);
  const at = (part: number) => Math.round(waits[Math.floor(part * (waits.length - 1))] ?? 0);
  return { writes: writes / seeds.length, median: at(0.5), p99: at(0.99), most: at(1) };
}

describe(title('fifty workers that start without a token'), { timeout: 600_000 }, () => {
  it.each([100, 2000])(
    'within %d ms send fewer writes with a spread, and wait no longer than it',
    async (startWithinMs) => {
      const without = await coldStarts({ ...base, startWithinMs });
      const spread = await coldStarts({ ...base, startWithinMs, claimSpreadMs: 2000 });
      const election = await coldStarts({ ...base, startWithinMs, claimSpreadMs: 2000, store: 'election' });
      console.info(`starts within ${startWithinMs} ms: ${JSON.stringify({ without, spread, election })}`);
      expect(spread.writes).toBeLessThan(without.writes * 0.75);
      expect(spread.most).toBeLessThanOrEqual(without.most + 2000 + 2000);
    },
  );
});
