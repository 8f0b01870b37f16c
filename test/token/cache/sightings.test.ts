import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createSightingMemory, type SightingsOptions } from '../../../src/token/cache/sightings.js';
import { tempFolder } from '../../config/support.js';
import { createManualClock } from '../../support/manual-clock.js';
import { until } from '../../testing/over-http.js';
import { bootOf, UID } from './fixture.js';

async function fixture() {
  const folder = join(await tempFolder(), 'imsvault');
  await mkdir(folder, { mode: 0o700 });
  const clock = createManualClock();
  const file = join(folder, 'first-seen.json');
  const options: SightingsOptions = { folder, uid: UID, boot: bootOf(clock) };
  /** A process of its own. */
  function open(given = options) {
    const memory = createSightingMemory(given);
    if (memory === undefined) throw new Error('there is no memory');
    return memory;
  }
  const load = (given = options) =>
    Object.fromEntries(
      open(given)
        .load()
        .map(({ id, uptimeMs }) => [id, open().uptimeMs() - uptimeMs]),
    );
  /** @param ages id → milliseconds since it was first seen */
  async function save(ages: Record<string, number>) {
    const memory = open();
    const sighting = ([id, ageMs]: [string, number]) => ({
      id,
      bootId: memory.bootId,
      uptimeMs: memory.uptimeMs() - ageMs,
    });
    memory.save(Object.entries(ages).map(sighting));
    const [id = ''] = Object.keys(ages);
    await until(() => existsSync(file) && readFileSync(file, 'utf8').includes(id));
  }
  return { clock, options, file, load, save };
}

it('a later process goes on counting where an earlier one began', async () => {
  const { clock, load, save } = await fixture();
  expect(load()).toEqual({});
  await save({ 'claim-1': 1500 });
  await clock.advance(10_000);
  expect(load()).toEqual({ 'claim-1': 11_500 });
  // One that came later does not make a claim younger.
  await save({ 'claim-2': 0, 'claim-1': 0 });
  expect(load()).toEqual({ 'claim-2': 0, 'claim-1': 11_500 });
  await clock.advance(600_000);
  expect(Object.keys(load())).toEqual(['claim-2']);
});

it('another boot, no boot and a file of no sense tell nothing', async () => {
  const { clock, options, file, load, save } = await fixture();
  await save({ 'claim-1': 0 });
  expect(load({ ...options, boot: bootOf(clock, 'boot-2') })).toEqual({});
  expect(createSightingMemory({ ...options, boot: () => undefined })).toBeUndefined();
  for (const text of [
    '',
    '[]',
    '{"boot":"boot-1","seen":null}',
    '{"boot":"boot-1","seen":{"claim 1":5000000,"claim-1":"5000000","claim-2":9e15}}',
  ]) {
    await writeFile(file, text);
    expect(load(), text).toEqual({});
  }
  await writeFile(file, '{"boot":"boot-1","seen":{"claim-1":5000000}}');
  await chmod(file, 0o666);
  expect(load()).toEqual({});
});

it('keeps the latest 32', async () => {
  const { load, save } = await fixture();
  const oldestFirst = Array.from({ length: 99 }, (_, index) => [`claim-${index}`, 999 - index]);
  await save({ 'claim-99': 900, ...Object.fromEntries(oldestFirst) });
  const kept = Object.keys(load());
  expect(kept).toHaveLength(32);
  expect(kept).toContain('claim-99');
  expect(kept).toContain('claim-68');
  expect(kept).not.toContain('claim-67');
});

it('goes on with the uptime of its start where the system tells it no more', async () => {
  const { options } = await fixture();
  let told: { id: string; ms: number } | undefined = { id: 'boot-1', ms: 7000 };
  const memory = createSightingMemory({ ...options, boot: () => told });
  told = undefined;
  expect(memory?.uptimeMs()).toBe(7000);
});
