/** More by `IMSVAULT_SIM_SEEDS=2000`; one alone by `IMSVAULT_SIM_SEED=7`. */
export const SEEDS = Number(process.env.IMSVAULT_SIM_SEEDS ?? 40);
const ONE = process.env.IMSVAULT_SIM_SEED;
export const seeds = ONE === undefined ? Array.from({ length: SEEDS }, (_, index) => index + 1) : [Number(ONE)];

export const title = (what: string) => `${what}, ${seeds.length} seeds from ${seeds[0]}`;

/** `0: 31, 1: 7, 2: 2`: how often each number came. */
export function distribution(numbers: readonly number[]): string {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([number, count]) => `${number}: ${count}`)
    .join(', ');
}
