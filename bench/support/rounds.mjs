import { median } from './figures.mjs';

/**
 * Runs all subjects in each round, each first as often as the others. The first round warms up, and is dropped.
 * @param run gives one result of a subject
 * @returns the results of each subject, round by round, in the order of the subjects
 */
export async function inTurn(subjects, rounds, run) {
  const results = subjects.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (let step = 0; step < subjects.length; step++) {
      const index = (step + round) % subjects.length;
      const result = await run(subjects[index]);
      if (round > 0) results[index].push(result);
    }
  }
  return results;
}

/** The median of what was paired in the rounds: a noisy one meets both alike. */
export const beside = (values, base, compare) => median(values.map((value, round) => compare(value, base[round])));
export const ratioTo = (values, base) => beside(values, base, (value, other) => value / other);
export const moreThan = (values, base) => beside(values, base, (value, other) => value - other);
