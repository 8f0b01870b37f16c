import { expect, it } from 'vitest';
import { parse, parseDocument, stringify } from 'yaml';
import { loadConfig } from '../../src/config/load-config.js';
import { tempFolder, write } from '../config/support.js';
import { type Block, blocksIn, readPage, titleOf } from './blocks.js';
import { blocksFor } from './sorting.js';

const blocks = blocksFor('config');
/** Options of `credentials` that a page shows alone. */
const PARTS = ['auth', 'tls'];

it('there are configs', () => expect(blocks.length).toBeGreaterThan(20));

it.each(blocks.map((block) => [titleOf(block), block] as const))('%s is a config that loads', async (_title, block) => {
  for (const text of configsIn(block)) {
    const cwd = await tempFolder();
    const configPath = await write(cwd, 'imsvault.config.yaml', text);
    const env = Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, 'x']));
    const { profiles, warnings } = await loadConfig({ configPath, env, cwd, home: cwd });
    expect(profiles.size).toBeGreaterThan(0);
    expect(warnings).toEqual([]);
  }
});

/**
 * The config files that a block shows: itself; or, where it shows an option of `credentials` (`auth`, `tls`), the page's
 * first config with that option, once for each time that it stands there.
 */
function configsIn(block: Block): string[] {
  const lines = block.text.split('\n').filter((line) => /^\s*[^\s#]/.test(line));
  const margin = Math.min(...lines.map((line) => line.search(/\S/)));
  const keys = lines.flatMap((line) => /^(\w+):/.exec(line.slice(margin))?.[1] ?? []);
  if (!keys.some((key) => PARTS.includes(key))) return [block.text];
  const parts = new Set(keys).size === keys.length ? [lines.join('\n')] : lines;
  const whole = blocksIn(block.page, readPage(block.page)).find(({ text }) => /^credentials:/m.test(text));
  const { credentials } = parse(whole?.text ?? '') as { credentials: object };
  return parts.map((part) => {
    const document = parseDocument(part);
    expect(document.errors).toEqual([]);
    return stringify({ credentials: { ...credentials, ...(document.toJS() as object) } });
  });
}
