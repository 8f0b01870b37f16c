import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, readPage } from './blocks.js';
import { ENTRIES } from './scratch.js';

/** The names that a source exports. */
function exportsOf(source: string): string[] {
  const text = readFileSync(join(ROOT, source), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) => list.split(','));
  const declared = [...text.matchAll(/^export (?:async )?(?:function|interface|class|const|type) (\w+)/gm)];
  return [...lists.map((name) => name.replace('type ', '').trim()), ...declared.map(([, name = '']) => name)].filter(
    (name) => name !== '',
  );
}

// That it is up to date, with a docstring for each, is said by `npm run docs:api -- --check`, which installs TypeDoc.
it.each(Object.entries(ENTRIES))('docs/api has everything that %s exports', (entry, source) => {
  const page = readPage(`docs/api/${entry}.md`);
  const names = exportsOf(source);
  expect(names.length).toBeGreaterThan(1);
  expect([...page.matchAll(/^### (\w+)/gm)].map(([, name]) => name)).toEqual(expect.arrayContaining(names));
});
