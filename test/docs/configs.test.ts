import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import { tempFolder, write } from '../config/support.js';
import { titleOf } from './blocks.js';
import { configsIn } from './config-files.js';
import { blocksFor } from './sorting.js';

const blocks = blocksFor('config');
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
