import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import { tempFolder, write } from '../config/support.js';
import { readPage, titleOf } from './blocks.js';
import { configsIn } from './config-files.js';
import { blocksFor } from './sorting.js';

const blocks = blocksFor('config');
it('there are configs', () => expect(blocks.length).toBeGreaterThan(20));

async function folderWith(text: string) {
  const cwd = await tempFolder();
  const configPath = await write(cwd, 'imsvault.config.yaml', text);
  const env = Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, 'x']));
  return { configPath, found: { env, cwd, home: cwd } };
}

describe.each(blocks.map((block) => [titleOf(block), block] as const))('%s', (_title, block) => {
  it('is a config that loads', async () => {
    for (const text of configsIn(block)) {
      const { configPath, found } = await folderWith(text);
      const { profiles, warnings } = await loadConfig({ configPath, ...found });
      expect(profiles.size).toBeGreaterThan(0);
      expect(warnings).toEqual([]);
    }
  });

  it('loads by search too, or its page says how to name it', async () => {
    for (const text of configsIn(block)) {
      const { found } = await folderWith(text);
      const refusal = await loadConfig(found).then(() => '', String);
      if (refusal === '') continue;
      expect(refusal).toContain('a file found by search may not');
      expect(readPage(block.page)).toMatch(/IMSVAULT_CONFIG|--config|createTokenProvider\('/);
    }
  });
});
