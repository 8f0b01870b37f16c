import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../cli/support.js';
import { AROUND } from './around.js';
import { allBlocks, type Block, blocksIn, pages, ROOT, readPage, titleOf } from './blocks.js';
import { NOT_RUN } from './not-run.js';
import { sortBlocks } from './sorting.js';

const titled = (block: Block) => `${titleOf(block)}\n${block.text}`;

it('every block is run in one way, or is listed as one that cannot be run', () => {
  const sorted = sortBlocks();
  expect(sorted.length).toBeGreaterThan(90);
  expect(sorted.filter(({ ways }) => ways.length === 0).map(({ block }) => titled(block))).toEqual([]);
  expect(sorted.filter(({ ways }) => ways.length > 1).map(({ block, ways }) => [titleOf(block), ways])).toEqual([]);
});

it.each([...NOT_RUN, ...AROUND])('$page has one block with $text', ({ page, text }) => {
  expect(blocksIn(page, readPage(page)).filter((block) => block.text.includes(text))).toHaveLength(1);
});

it('a block without a way is found', () => {
  const of = (text: string) => sortBlocks(blocksIn('docs/new.md', text)).map(({ ways }) => ways);
  expect(of('```rust\nfn main() {}\n```\n```yaml\na: 1\n```\n```yaml odd\na: 1\n```')).toEqual([[], ['config'], []]);
  expect(() => of('```sh\nimsvault token\n')).toThrow('no end');
  expect(() => of('\n    imsvault token\n')).toThrow('fence');
  expect(() => of('~~~\nimsvault token\n~~~\n')).toThrow('fence');
});

const shell = allBlocks().filter(({ language }) => language === 'sh');
it('what is not run is shell all the same, and names files of this repository', () => {
  for (const block of shell) {
    const text = block.text.replaceAll(/<[a-z ]+>/g, 'X');
    execFileSync('bash', ['-n', '-c', text]);
    for (const [path] of text.matchAll(/\binfra\/[\w./-]+\w/g)) {
      expect(existsSync(join(ROOT, path)), `${titleOf(block)}: ${path}`).toBe(true);
    }
  }
});

/** The commands of imsvault that stand in the text of a page, and in its shell blocks. */
function commandsOf(page: string): string[] {
  const inline = [...readPage(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  const commands = [...inline, ...shell.filter((block) => block.page === page).map(({ text }) => text)];
  const call = /(?:^|[\n(!"]|[&|;] )(?:npx )?imsvault ([^&|;#\n)'"]*)/g;
  return commands.flatMap((text) =>
    [...text.replaceAll('\\\n', ' ').matchAll(call)].map(([, words = '']) => words.split(' -- ')[0] ?? ''),
  );
}

it.each(pages())('%s names commands and options of imsvault that there are', async (page) => {
  for (const words of commandsOf(page)) {
    const command = /(?:^| )(config \w+|[a-z]+)(?= |$)/.exec(
      words.replaceAll(/(-c|-p|--config|--profile|--set) \S+/g, ''),
    )?.[1];
    if (command === undefined) continue;
    const { code, stdout } = await run([...command.split(' '), '--help']);
    expect(code, `imsvault ${words}`).toBe(0);
    const { stdout: common } = await run(['--help']);
    for (const [option] of words.matchAll(/(?<= |\[)--[a-z-]+/g)) {
      expect(`${stdout}${common}`, `imsvault ${words}`).toContain(option);
    }
  }
});

it.each(pages())('%s names scripts of npm that there are', (page) => {
  const { scripts } = JSON.parse(readPage('package.json')) as { scripts: object };
  for (const [, script = ''] of readPage(page).matchAll(/npm run (?:--silent )?([\w:-]+)/g)) {
    expect(Object.keys(scripts)).toContain(script);
  }
});

it.each(pages())('%s links to pages and headings that there are', (page) => {
  for (const [link, path = '', anchor] of linksOf(page)) {
    const target = path === '' ? page : join(page, '..', path);
    expect(existsSync(join(ROOT, target)), `${page}: ${link}`).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(target), `${page}: ${link}`).toContain(anchor);
  }
});

it('pages of the package link to what is in it, or to infra/, as docs/README.md says', () => {
  const { files } = JSON.parse(readPage('package.json')) as { files: string[] };
  // npm packs these whatever `files` says.
  const packed = [...files, 'README.md', 'LICENSE', 'package.json'];
  const folderOf = (path: string) => path.split('/')[0] ?? '';
  const outside = pages()
    .filter((page) => packed.includes(folderOf(page)))
    .flatMap((page) => linksOf(page).map(([, path = '']) => (path === '' ? page : join(page, '..', path))))
    .map(folderOf)
    .filter((folder) => !packed.includes(folder));
  expect(new Set(outside)).toEqual(new Set(['infra']));
});

it('docs/README.md leads to every page', () => {
  const linked = [...readPage('docs/README.md').matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => join('docs', path));
  const others = pages().filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(linked).toEqual(expect.arrayContaining(others));
});

/** Path and anchor of each link that stays in the repository. */
const linksOf = (page: string) => [
  ...readPage(page)
    .replaceAll(/```[\s\S]*?```/g, '')
    .matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g),
];

/** As GitHub makes them. */
const anchorsOf = (page: string) =>
  [
    ...readPage(page)
      .replaceAll(/```[\s\S]*?```/g, '')
      .matchAll(/^#+ (.*)$/gm),
  ].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
