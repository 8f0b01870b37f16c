import { parse, parseDocument, stringify } from 'yaml';
import { type Block, blocksIn, readPage } from './blocks.js';

/** Options of `credentials` that a page shows alone. */
const PARTS = ['auth', 'tls'];

/**
 * The config files that a block shows: itself; or, where it shows an option of `credentials` (`auth`, `tls`), the page's
 * first config with that option, once for each time that it stands there.
 */
export function configsIn(block: Block): string[] {
  const lines = block.text.split('\n').filter((line) => /^\s*[^\s#]/.test(line));
  const margin = Math.min(...lines.map((line) => line.search(/\S/)));
  const keys = lines.flatMap((line) => /^(\w+):/.exec(line.slice(margin))?.[1] ?? []);
  if (!keys.some((key) => PARTS.includes(key))) return [block.text];
  const parts = new Set(keys).size === keys.length ? [lines.join('\n')] : lines;
  const whole = blocksIn(block.page, readPage(block.page)).find(({ text }) => /^credentials:/m.test(text));
  const { credentials } = parse(whole?.text ?? '') as { credentials: object };
  return parts.map((part) => {
    const document = parseDocument(part);
    if (document.errors.length > 0) throw document.errors[0];
    return stringify({ credentials: { ...credentials, ...(document.toJS() as object) } });
  });
}
