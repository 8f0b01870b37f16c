// docs/reliability.md: the tables between <!-- reliability: NAME --> and <!-- end -->; the rest is written by hand.
import { groupBy } from './group-by.js';
import type { Cell } from './reliability.js';

const COLUMNS = {
  fault: 'fault',
  provider: 'where',
  phase: 'when',
  sees: 'the caller sees',
  within: 'within',
  kept: 'kept',
} as const;
type Column = keyof typeof COLUMNS;
const SECTION = /<!-- reliability: (\S+) -->\n([\s\S]*?)<!-- end -->/g;

/** What several rows may have in common, so that one says it. */
const SHARED = { provider: ', ', phase: ', ', fault: '<br>' } as const;
type Shared = keyof typeof SHARED;

type Row = Pick<Cell, 'sees' | 'within' | 'kept'> & Record<Shared, string[]>;

/** Puts the values of `column` together in those rows that differ in nothing else; the first one's place stays. */
function merge(rows: readonly Row[], column: Shared): Row[] {
  const merged = new Map<string, Row>();
  for (const row of rows) {
    const key = JSON.stringify({ ...row, [column]: [] });
    const values = [...(merged.get(key)?.[column] ?? []), ...row[column]];
    merged.set(key, { ...row, [column]: [...new Set(values)] });
  }
  return [...merged.values()];
}

/** The table of one section's cells. */
export function renderTable(cells: readonly Cell[]): string {
  const columns = (Object.keys(COLUMNS) as Column[]).filter((column) => cells[0]?.[column] !== undefined);
  let rows = cells.map((cell): Row => {
    if (columns.some((column) => cell[column] === undefined || /[|\n]/.test(cell[column]))) {
      throw new Error(`a cell without a text of its own for ${columns.join(', ')}: ${JSON.stringify(cell)}`);
    }
    const { fault, sees, within, kept, provider, phase } = cell;
    return { fault: [fault], sees, within, kept, provider: [provider ?? ''], phase: [phase ?? ''] };
  });
  for (const column of Object.keys(SHARED) as Shared[]) rows = merge(rows, column);
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |\n`;
  const text = (row: Row, column: Column) =>
    column in SHARED ? row[column as Shared].join(SHARED[column as Shared]) : String(row[column]);
  return [
    line(columns.map((column) => COLUMNS[column])),
    `|${columns.map(() => '---').join('|')}|\n`,
    ...rows.map((row) => line(columns.map((column) => text(row, column)))),
  ].join('');
}

const keyOf = ({ fault, provider, phase }: { [Key in Shared]?: string | undefined }) =>
  [fault, provider, phase].filter((part) => part !== undefined).join(' / ');
const claimOf = ({ sees, within, kept }: Pick<Cell, 'sees' | 'within' | 'kept'>) => `${sees} | ${within} | ${kept}`;

/** What a table claims, by cell. */
function parseTable(table: string): Map<string, string> {
  const [head = [], , ...rows] = table
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(2, -2).split(' | '));
  const claims = new Map<string, string>();
  for (const row of rows) {
    const text = (column: Column) => row[head.indexOf(COLUMNS[column])];
    const parts = (column: Shared) => text(column)?.split(SHARED[column]) ?? [undefined];
    const claim = claimOf({ sees: text('sees') ?? '', within: text('within') ?? '', kept: text('kept') ?? '' });
    for (const fault of parts('fault')) {
      for (const provider of parts('provider')) {
        for (const phase of parts('phase')) claims.set(keyOf({ fault, provider, phase }), claim);
      }
    }
  }
  return claims;
}

/**
 * @param cells all that this run has seen
 * @returns the page with the tables of those sections replaced
 */
export function writePage(page: string, cells: readonly Cell[]): string {
  const sections = groupBy(cells, ({ section }) => section);
  const written = page.replace(SECTION, (whole, name: string) => {
    const seen = sections.get(name);
    sections.delete(name);
    return seen === undefined ? whole : `<!-- reliability: ${name} -->\n${renderTable(seen)}<!-- end -->`;
  });
  if (sections.size > 0) throw new Error(`the page has no place for: ${[...sections.keys()].join(', ')}`);
  return written;
}

/**
 * What the page says otherwise than this run has seen it.
 * @param cells all that this run has seen
 * @param extent whether they are a sample, all cells of their sections, or all of the page; what the page says beyond is wrong
 */
export function disagreements(page: string, cells: readonly Cell[], extent: 'sample' | 'sections' | 'page'): string[] {
  const tables = new Map([...page.matchAll(SECTION)].map(([, name = '', table = '']) => [name, parseTable(table)]));
  const sections = groupBy(cells, ({ section }) => section);
  const wrong = cells.flatMap((cell) => {
    const [key, claims] = [keyOf(cell), tables.get(cell.section)];
    const claim = claims?.get(key);
    claims?.delete(key);
    return claim === claimOf(cell)
      ? []
      : [`${cell.section}: ${key}: seen ${claimOf(cell)}, the page says ${claim ?? 'nothing'}`];
  });
  if (extent === 'sample') return wrong;
  const untested = [...tables].flatMap(([name, claims]) =>
    sections.has(name) || extent === 'page'
      ? [...claims.keys()].map((key) => `${name}: ${key}: nothing tests this`)
      : [],
  );
  return [...wrong, ...untested];
}
