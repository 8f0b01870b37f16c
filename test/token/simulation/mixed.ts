import type { Report, Scenario } from './fleet-simulation.js';
import type { StoreKind } from './servers.js';
import { createRandom } from './world.js';

const KINDS = [
  { store: 'compare-and-swap', claimSpreadMs: 0 },
  { store: 'compare-and-swap', claimSpreadMs: 2000 },
  { store: 'election', claimSpreadMs: 2000 },
] as const satisfies { store: StoreKind; claimSpreadMs: number }[];

/** A schedule that the seed decides: the kind of store, 3–50 workers, and each fault in one of two schedules. */
export function mixedScenario(seed: number): Scenario {
  const random = createRandom(seed * 7919);
  const sometimes = (most: number) => (random() < 0.5 ? 0 : random() * most);
  const count = (most: number) => Math.floor(sometimes(most + 1));
  return {
    seed,
    ...(KINDS[seed % KINDS.length] as (typeof KINDS)[number]),
    workers: 3 + Math.floor(random() * 48),
    lifeMs: 3_600_000,
    lifetimes: 3,
    claimTtlMs: 20_000,
    maxSkewMs: sometimes(600_000),
    crashes: count(3),
    freezes: count(3),
    jumps: count(4),
    faults: {
      maxLatencyMs: 20 + sometimes(800),
      staleRead: sometimes(0.3),
      lostAnswer: sometimes(0.1),
      lostRequest: sometimes(0.1),
      lateWrite: sometimes(0.1),
      imsFailure: sometimes(0.2),
      hiddenEntry: sometimes(0.2),
    },
  };
}

/** The exchanges that a schedule's faults excuse beside one per generation. */
export function excused({ crashes, freezes, mishaps, unheard, events }: Report): number {
  return crashes + freezes + mishaps + unheard + (events.uncoordinated ?? 0);
}
