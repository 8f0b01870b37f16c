/**
 * Whether a JSON value is nested more than `levels` deep. JSON.parse reads any depth, but JSON.stringify and everything
 * else that calls itself for each level ends at a few thousand.
 */
export function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isNestedDeeper(item, levels - 1));
}
