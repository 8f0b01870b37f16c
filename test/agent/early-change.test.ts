import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startAgent } from '../../src/agent/agent.js';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import { tempFolder } from '../config/support.js';
import { until } from '../testing/over-http.js';

it('takes over what was changed in the config between its reading and its being watched', async () => {
  const folder = await tempFolder();
  const configPath = join(folder, 'c.yaml');
  const write = (profiles: string) =>
    writeFile(configPath, `agent: { listen: ["127.0.0.1:0"], tokenFile: token }\nprofiles: { ${profiles} }\n`);
  await write('a: {}');
  const events: unknown[] = [];
  const nothing = async () => undefined;
  const agent = await startAgent({
    async load(reload) {
      const config = await loadConfig({ configPath, env: {}, cwd: folder, reload });
      if (reload === 0) await write('a: {}, b: {}');
      return config;
    },
    env: {},
    clock: systemClock,
    random: () => 0,
    log: (record) => void events.push(record),
    notifier: { ready: nothing, reloading: nothing, stopping: nothing, close: () => undefined },
  });
  await until(() => events.some((record) => (record as { event: string }).event === 'config-reloaded'));
  expect(events).toContainEqual(expect.objectContaining({ event: 'config-reloaded', kept: 1, opened: 1 }));
  expect(await agent.stop(1000)).toBe(true);
});
