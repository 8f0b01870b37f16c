import { describe, expect, it } from 'vitest';
import { disagreements, renderTable, writePage } from './page.js';
import type { Cell } from './reliability.js';

const cell = (changes: Partial<Cell>): Cell => ({
  section: 'net',
  fault: 'refused',
  provider: 'vault',
  phase: 'cold',
  sees: '`ERR_SECRET_UNAVAILABLE`',
  within: '1 s',
  kept: 'nothing to lose',
  ...changes,
});
const token = { sees: 'the token', kept: 'the token' };
const CELLS = [
  cell({}),
  cell({ provider: 'aws' }),
  cell({ phase: 'warm', ...token }),
  cell({ phase: 'warm', provider: 'aws', ...token }),
  cell({ phase: 'renewing', ...token }),
  cell({ phase: 'renewing', provider: 'aws', ...token }),
  cell({ fault: 'hole', within: '2 s' }),
  cell({ fault: 'hole', provider: 'aws', within: '3 s' }),
  cell({ provider: 'env' }),
  cell({ fault: 'lost', within: '2 s' }),
];
const EMPTY =
  '# Page\n<!-- reliability: net -->\n<!-- end -->\nBy hand.\n<!-- reliability: disk -->\nold\n<!-- end -->\n';

describe('docs/reliability.md', () => {
  it('puts rows together that say the same', () => {
    expect(renderTable(CELLS)).toBe(`| fault | where | when | the caller sees | within | kept |
|---|---|---|---|---|---|
| refused | vault, aws, env | cold | \`ERR_SECRET_UNAVAILABLE\` | 1 s | nothing to lose |
| refused | vault, aws | warm, renewing | the token | 1 s | the token |
| hole<br>lost | vault | cold | \`ERR_SECRET_UNAVAILABLE\` | 2 s | nothing to lose |
| hole | aws | cold | \`ERR_SECRET_UNAVAILABLE\` | 3 s | nothing to lose |
`);
  });

  it('leaves out what a section does not tell apart, and takes no cell that is unlike the others', () => {
    const { provider: _, phase: __, ...plain } = cell({});
    expect(renderTable([plain])).toContain('| fault | the caller sees | within | kept |\n');
    expect(() => renderTable([cell({}), plain])).toThrow('a cell without');
    expect(() => renderTable([cell({ kept: 'a | b' })])).toThrow('a cell without');
  });

  it('writes the sections that were seen, and only where the page has a place', () => {
    const page = writePage(EMPTY, CELLS);
    expect(page).toContain(renderTable(CELLS));
    expect(page).toContain('By hand.\n<!-- reliability: disk -->\nold\n');
    expect(writePage(page, CELLS)).toBe(page);
    expect(() => writePage(EMPTY, [cell({ section: 'clock' })])).toThrow('no place for: clock');
  });

  it('is compared cell by cell', () => {
    const page = writePage(EMPTY, CELLS);
    expect(disagreements(page, CELLS, 'sections')).toEqual([]);
    expect(disagreements(page, CELLS.slice(1), 'sample')).toEqual([]);
    expect(disagreements(page, CELLS.slice(1), 'sections')).toEqual([
      'net: refused / vault / cold: nothing tests this',
    ]);
    expect(disagreements(page.replace(/old\n/, renderTable(CELLS.slice(-2, -1))), CELLS, 'page')).toEqual([
      'disk: refused / env / cold: nothing tests this',
    ]);
    expect(disagreements(page, [cell({ within: '9 s' }), cell({ section: 'disk' })], 'sample')).toEqual([
      'net: refused / vault / cold: seen `ERR_SECRET_UNAVAILABLE` | 9 s | nothing to lose, the page says `ERR_SECRET_UNAVAILABLE` | 1 s | nothing to lose',
      'disk: refused / vault / cold: seen `ERR_SECRET_UNAVAILABLE` | 1 s | nothing to lose, the page says nothing',
    ]);
  });
});
