import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startAgent } from '../../src/agent/agent.js';
import { loadConfig } from '../../src/config/load-config.js';
import { tempFolder, write } from '../config/support.js';
import { createManualClock } from '../support/manual-clock.js';
import { until } from '../testing/over-http.js';

it('ends what a reload begins that is under way', async () => {
  const folder = await tempFolder();
  const config = (profiles: string) =>
    `agent: { listen: ["127.0.0.1:0"], tokenFile: token }\nprofiles: { ${profiles} }\n`;
  await write(folder, 'one.yaml', config('a: {}'));
  await write(folder, 'two.yaml', config('a: {}, b: {}'));
  const clock = createManualClock();
  const events: string[] = [];
  let goOn = (): void => undefined;
  let isReloading = false;
  const nothing = async () => undefined;
  const agent = await startAgent({
    async load(reload) {
      if (reload > 0) {
        isReloading = true;
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      }
      const configPath = join(folder, reload === 0 ? 'one.yaml' : 'two.yaml');
      return loadConfig({ configPath, env: {}, cwd: folder, reload });
    },
    env: {},
    clock,
    random: () => 0,
    log: ({ event }) => void events.push(event),
    notifier: { ready: nothing, reloading: nothing, stopping: nothing, close: () => undefined },
  });
  agent.reload();
  await until(() => isReloading);
  const stopped = agent.stop(1000);
  goOn();
  expect(await stopped).toBe(true);
  expect(events).toContain('config-reloaded');
  expect(clock.pending).toBe(0);
});
