import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allBlocks, type Block, ROOT } from './blocks.js';
import { NOT_RUN } from './not-run.js';

/** How a block is run. */
export type Way =
  /** configs.test.ts: loaded as a config file. */
  | 'config'
  /** programs.test.ts: typechecked, and run against the emulator. */
  | 'program'
  /** commands.test.ts: run by bash in a scratch home, against the emulator. */
  | 'command'
  /** test/infra/docs.test.ts: a use of a Terraform module; values of the chart; a workflow of GitHub. */
  | 'module'
  | 'values'
  | 'workflow'
  /** By the test that names it with `blockOf` or `blocksOf`. */
  | 'named'
  /** Not at all: it stands in not-run.ts, with the reason. */
  | 'listed';

const BY_LANGUAGE: Readonly<Record<string, Way>> = {
  yaml: 'config',
  js: 'program',
  ts: 'program',
  diff: 'program',
  sh: 'command',
  hcl: 'module',
  'yaml values': 'values',
  'yaml workflow': 'workflow',
};

export interface Sorted {
  block: Block;
  /** Undefined: nothing runs it. More than one: it is run twice, or is run and listed as not to be run. */
  ways: Way[];
}

export function sortBlocks(blocks = allBlocks()): Sorted[] {
  const calls = namingCalls();
  return blocks.map((block) => {
    const ways: Way[] = [];
    if (calls.some((call) => names(call, block))) ways.push('named');
    if (NOT_RUN.some(({ page, text }) => page === block.page && block.text.includes(text))) ways.push('listed');
    const usual = BY_LANGUAGE[`${block.language} ${block.label}`.trim()];
    if (ways.length === 0 && usual !== undefined) ways.push(usual);
    return { block, ways };
  });
}

/** The blocks that a suite has to run. */
export const blocksFor = (way: Way): Block[] =>
  sortBlocks()
    .filter(({ ways }) => ways.includes(way))
    .map(({ block }) => block);

interface Call {
  page: string;
  text?: string;
  language?: string;
}

const names = (call: Call, block: Block) =>
  call.page === block.page &&
  (call.text === undefined ? call.language === block.language : block.text.includes(call.text));

/** Every `blockOf('page', 'text')` and `blocksOf('page', 'language')` of a test. */
function namingCalls(): Call[] {
  const tests = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  );
  const call = /\b(blocks?Of)\(\s*'([^']+)',\s*(?:'([^']+)'|"([^"]+)"),?\s*\)/g;
  return tests.flatMap((name) =>
    [...readFileSync(join(ROOT, 'test', name), 'utf8').matchAll(call)].map(
      ([, which, page = '', single, double = '']): Call =>
        which === 'blockOf' ? { page, text: single ?? double } : { page, language: single ?? double },
    ),
  );
}
