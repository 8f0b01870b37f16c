import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT, exitCodeFor } from '../src/cli/exit-codes.js';
import { type ErrorCode, ImsvaultError } from '../src/errors.js';
import { REJECTION_HINTS } from '../src/ims/token-response.js';
import { pages, readPage } from './docs/blocks.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const rows = [...read('docs/errors.md').matchAll(/^\| `(ERR_\w+)` \|.*\| (yes|no) \| (\d+) \|$/gm)];
const sources = ['src', 'providers']
  .flatMap((folder) =>
    readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && name !== 'errors.ts')
      .map((name) => read(`${folder}/${name}`)),
  )
  .join('');

it('docs/errors.md has a row for each code, with its retryable and exit code', () => {
  const codes = [
    ...(/export type ErrorCode =[^;]*/.exec(read('src/errors.ts'))?.[0] ?? '').matchAll(/'(ERR_\w+)'/g),
  ].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(10);
  expect(rows.map(([, code]) => code)).toEqual(codes);
  for (const [, code, retryable, exit] of rows) {
    const error = new ImsvaultError(code as ErrorCode, 'x');
    expect([code, error.retryable ? 'yes' : 'no', String(exitCodeFor(error))]).toEqual([code, retryable, exit]);
  }
});

it('docs/errors.md tells the cause and the cure of each code, and the code has a place in the source', () => {
  for (const [row, code = ''] of rows) {
    const [, , cause = '', cure = '', ...rest] = row.split('|');
    expect(rest, `${code}: five columns`).toHaveLength(3);
    expect([cause.trim(), cure.trim()], code).toEqual([
      expect.stringMatching(/^.{20,}[.]$/),
      expect.stringMatching(/^.{10,}[.]$/),
    ]);
    const thrown = sources.includes(`'${code}'`) || new RegExp(`super\\(\\s*'${code}'`).test(read('src/errors.ts'));
    expect([code, thrown]).toEqual([code, true]);
  }
});

it('docs/errors.md knows each error of IMS that has a hint of its own', () => {
  const errors = [...REJECTION_HINTS.keys()];
  const [row = ''] = rows.find(([, code]) => code === 'ERR_TOKEN_REQUEST_REJECTED') ?? [];
  for (const error of errors) expect(row).toContain(`\`${error}\``);
});

it.each(pages())('%s names no code that there is not', (page) => {
  const known = [
    ...read('src/errors.ts').matchAll(/'(ERR_\w+)'/g),
    ...read('src/agent/reply.ts').matchAll(/'(ERR_\w+)'/g),
  ];
  const codes = new Set([...known.map(([, code]) => code), 'ERR_UNEXPECTED']);
  const named = [...readPage(page).matchAll(/\bERR_\w+/g)].map(([code]) => code);
  expect(named.filter((code) => !codes.has(code))).toEqual([]);
});

it('docs/cli.md has each exit code', () => {
  const documented = [...read('docs/cli.md').matchAll(/^\| ([\d, ]+) \| /gm)].flatMap(([, codes = '']) =>
    codes.split(', '),
  );
  expect(documented).toEqual(expect.arrayContaining(Object.values(EXIT).map(String)));
});
