import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One fenced block of a page. */
export interface Block {
  /** Relative to the repository: `docs/vault.md`. */
  page: string;
  /** Of the opening fence. */
  line: number;
  /** `sh`, `yaml`; empty where none is named. */
  language: string;
  /** What stands behind the language: `workflow` of "yaml workflow". */
  label: string;
  text: string;
}

/** Every page that a user reads. */
export function pages(): string[] {
  const readmes = ['infra', 'examples'].flatMap((folder) =>
    markdown(folder).filter((page) => /README\.md$/.test(page)),
  );
  const docs = markdown('docs').filter((page) => !page.startsWith('docs/api/'));
  return ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...docs, ...readmes].sort();
}

function markdown(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => `${folder}/${name}`);
}

export const readPage = (page: string) => readFileSync(join(ROOT, page), 'utf8');

export const allBlocks = (): Block[] => pages().flatMap((page) => blocksIn(page, readPage(page)));

/**
 * @throws where a fence has no end, or code stands in a form that nobody would find here: `~~~`, four spaces
 */
export function blocksIn(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const [, indent = '', info] = /^( *)```(.*)$/.exec(line) ?? [];
    if (info === undefined) {
      if (/^ *~~~/.test(line) || (/^ {4}\S/.test(line) && lines[at - 1] === '')) {
        throw new Error(`${page}:${at + 1}: code needs a fence of three backticks`);
      }
      continue;
    }
    const end = lines.indexOf(`${indent}\`\`\``, at + 1);
    if (end < 0) throw new Error(`${page}:${at + 1}: the fence has no end`);
    const [language = '', ...label] = info.trim().split(' ');
    const body = lines.slice(at + 1, end).map((inner) => inner.slice(indent.length));
    blocks.push({ page, line: at + 1, language, label: label.join(' '), text: `${body.join('\n')}\n` });
    at = end;
  }
  return blocks;
}

/**
 * The block of a page that contains a text. A test that calls this, with its two texts written out, is taken to run the
 * block: every-block.test.ts finds the call.
 */
export function blockOf(page: string, text: string): Block {
  const found = blocksIn(page, readPage(page)).filter((block) => block.text.includes(text));
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`${page}: ${found.length} blocks with "${text}"`);
  return block;
}

/** All blocks of a page in a language; for every-block.test.ts as `blockOf`. */
export function blocksOf(page: string, language: string): Block[] {
  const found = blocksIn(page, readPage(page)).filter((block) => block.language === language);
  if (found.length === 0) throw new Error(`${page} has no block in ${language}`);
  return found;
}

export const titleOf = ({ page, line, language, label }: Block) =>
  `${page}:${line} ${language}${label === '' ? '' : ` ${label}`}`;
