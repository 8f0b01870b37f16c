import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createServedProfiles } from '../../src/agent/served-profiles.js';
import type { Sink } from '../../src/agent/sinks/sink.js';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import { emulated } from '../cli/support.js';
import { tempFolder } from '../config/support.js';
import { cleanUps, until } from '../testing/over-http.js';

/** A disk that holds up the next write of a token until it is released. */
const disk = vi.hoisted(() => ({ busy: undefined as Promise<void> | undefined, held: 0 }));
vi.mock('../../src/atomic-file.js', async (original) => {
  const real = await original<typeof import('../../src/atomic-file.js')>();
  return {
    ...real,
    async writeFileAtomically(...args: Parameters<typeof real.writeFileAtomically>) {
      const { busy } = disk;
      if (args[1] !== '' && busy !== undefined) {
        disk.busy = undefined;
        disk.held++;
        await busy;
      }
      await real.writeFileAtomically(...args);
    },
  };
});

it('a sink whose settings change has the last word on its file, also when the old one writes just then', async () => {
  const { env } = await emulated();
  const cwd = await tempFolder();
  const written: unknown[] = [];
  const served = createServedProfiles({
    env,
    clock: systemClock,
    random: Math.random,
    log: ({ event }) => event === 'sink-written' && written.push(event),
  });
  cleanUps.push(() => served.close());
  const apply = async (sink: object) =>
    served.apply(await loadConfig({ config: { agent: { sinks: [{ path: './token', ...sink }] } }, env, cwd }));
  let release = (): void => undefined;
  disk.busy = new Promise((resolve) => {
    release = resolve;
  });
  await apply({ mode: '0644' });
  await served.current.get(undefined)?.getToken();
  await until(() => disk.held === 1);

  const waited = vi.spyOn(served.sinks[0] as Sink, 'settled');
  const applied = apply({ format: 'json' });
  // Who does not wait for the old one has written by now.
  await Promise.race([until(() => waited.mock.calls.length > 0), applied.then(() => until(() => written.length > 0))]);
  release();
  await applied;
  await until(() => written.length === 2 && served.sinks.every((sink) => sink.isWritten()));
  const file = join(cwd, 'token');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ token_type: 'bearer' });
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
});
