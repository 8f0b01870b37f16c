import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { exitCodeFor } from '../src/cli/exit-codes.js';
import { type ErrorCode, ImsvaultError } from '../src/errors.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const rows = [...read('docs/errors.md').matchAll(/^\| `(ERR_\w+)` \|.*\| (yes|no) \| (\d+) \|$/gm)];

it('docs/errors.md has a row for each code, with its retryable and exit code', () => {
  const codes = [...(read('src/errors.ts').split(';')[0] ?? '').matchAll(/'(ERR_\w+)'/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(10);
  expect(rows.map(([, code]) => code)).toEqual(codes);
  for (const [, code, retryable, exit] of rows) {
    const error = new ImsvaultError(code as ErrorCode, 'x');
    expect([code, error.retryable ? 'yes' : 'no', String(exitCodeFor(error))]).toEqual([code, retryable, exit]);
  }
});
