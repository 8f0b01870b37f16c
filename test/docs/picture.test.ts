import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { blockOf, ROOT } from './blocks.js';

const { text } = blockOf('docs/architecture.md', 'flowchart TB');
/** By the name in the picture: `src/cli`. */
const places = new Map(
  [...text.matchAll(/^ +(\w+)\["([\w./-]+):/gm)].map(([, name = '', place = '']) => [name, place]),
);
const arrows = [...text.matchAll(/^ +(\w+) --> (.*)$/gm)].flatMap(([, from = '', to = '']) =>
  to.split(' & ').map((each) => [from, each] as const),
);

const files = ['src', 'providers'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);
const isIn = (file: string, place = '') => file === place || file.startsWith(`${place}/`);
const imports = files.flatMap((file) =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(/(?:^import (type )?[^;]*?from |import\()'(\.[^']+)\.js'/gm)].map(
    ([, type, to = '']) => ({ file, target: normalize(join(file, '..', `${to}.ts`)), ofTypes: type !== undefined }),
  ),
);
const importsOf = (from: string, to: string) =>
  imports.filter(({ file, target }) => isIn(file, places.get(from)) && isIn(target, places.get(to)));

it('the picture of the architecture has every folder', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect([...places.values()]).toEqual(expect.arrayContaining(folders.map(({ name }) => `src/${name}`)));
  for (const place of places.values())
    expect(
      files.some((file) => isIn(file, place)),
      place,
    ).toBe(true);
});

it.each(arrows)('%s imports %s, and not the other way', (from, to) => {
  expect(importsOf(from, to)).not.toEqual([]);
  expect(importsOf(to, from).filter(({ ofTypes }) => !ofTypes)).toEqual([]);
});
