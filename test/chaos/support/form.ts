import { inject } from 'vitest';
import { createRandom } from '../../token/simulation/world.js';
import { groupBy } from './group-by.js';

/** `short` and `seed` of this run: IMSVAULT_CHAOS=short, IMSVAULT_CHAOS_SEED=7. */
export const form = inject('chaos');

/**
 * All of `cells`; in the short form about `share` of them, by the seed, and at least one of each fault.
 * @param share in [0, 1]
 */
export function sampled<T extends { fault: string }>(cells: readonly T[], share: number): T[] {
  if (!form.short) return [...cells];
  const random = createRandom(form.seed);
  const drawn = new Set(
    [...groupBy(cells, ({ fault }) => fault).values()].map((same) => same[Math.floor(random() * same.length)]),
  );
  return cells.filter((cell) => random() < share || drawn.has(cell));
}
