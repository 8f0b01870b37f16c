import { describe, expect, it } from 'vitest';
import { simulateFleet } from './fleet-simulation.js';
import { excused, mixedScenario } from './mixed.js';
import { distribution, seeds, title } from './seeds.js';

describe(title('faults mixed by the seed'), { timeout: 36_000_000 }, () => {
  it('break no promise, and excuse each exchange beside one per generation', async () => {
    const extra: Record<string, number[]> = {};
    for (const seed of seeds) {
      const scenario = mixedScenario(seed);
      const report = await simulateFleet(scenario);
      const { violations, exchanges, generations } = report;
      const text = `seed ${seed}: ${JSON.stringify({ ...scenario, ...report, firstWaits: undefined })}`;
      expect(violations, text).toEqual([]);
      expect(exchanges, text).toBeLessThanOrEqual(generations + excused(report));
      const kind = `${scenario.store}, spread ${scenario.claimSpreadMs} ms`;
      extra[kind] = [...(extra[kind] ?? []), exchanges - generations];
    }
    for (const [kind, numbers] of Object.entries(extra)) {
      console.info(`${kind}: exchanges beside one per generation: schedules — ${distribution(numbers)}`);
    }
  });
});
