import type { TestContext } from 'vitest';

/** What one test has seen: a row of docs/reliability.md, before rows that say the same are put together. No text holds a `|`. */
export interface Cell {
  /** Of the page: `<!-- reliability: NAME -->`. A section belongs to one test file. */
  section: string;
  fault: string;
  /** The store, or what else stands there; without a comma. A section gives it in all of its cells or in none. */
  provider?: string;
  /** `cold`, `warm`, `renewing`, `publishing` or the section's own; without a comma. In all of its cells or in none. */
  phase?: string;
  /** What the caller sees: the token, or a code of src/errors.ts. */
  sees: string;
  /** The bound that the test has asserted, not what it measured: `the call's timeout`. */
  within: string;
  /** What was shown not to be lost. */
  kept: string;
}

declare module 'vitest' {
  interface TaskMeta {
    cells?: Cell[];
  }
}

/** To be called by a test once everything of the cell has been asserted. The cells of a test that fails do not count. */
export function record({ task }: TestContext, cell: Cell): void {
  task.meta.cells ??= [];
  task.meta.cells.push(cell);
}
