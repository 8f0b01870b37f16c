import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadFirstSeen, saveFirstSeen } from '../../../src/token/cache/first-seen.js';
import { tempFolder } from '../../config/support.js';
import { createManualClock } from '../../support/manual-clock.js';
import { bootOf, UID } from './fixture.js';

async function fixture() {
  const folder = join(await tempFolder(), 'imsvault');
  await mkdir(folder, { mode: 0o700 });
  const clock = createManualClock();
  return { clock, options: { folder, uid: UID, boot: bootOf(clock) } };
}

it('a later process goes on counting where an earlier one began', async () => {
  const { clock, options } = await fixture();
  expect(loadFirstSeen(options)).toEqual(new Map());
  await saveFirstSeen(new Map([['claim-1', 1500]]), options);
  await clock.advance(10_000);
  expect(loadFirstSeen(options)).toEqual(new Map([['claim-1', 11_500]]));
  // One that came later does not make a claim younger.
  await saveFirstSeen(
    new Map([
      ['claim-1', 0],
      ['claim-2', 0],
    ]),
    options,
  );
  expect(loadFirstSeen(options)).toEqual(
    new Map([
      ['claim-2', 0],
      ['claim-1', 11_500],
    ]),
  );
  await clock.advance(600_000);
  expect([...loadFirstSeen(options).keys()]).toEqual(['claim-2']);
});

it('another boot, no boot and a file of no sense tell nothing', async () => {
  const { clock, options } = await fixture();
  await saveFirstSeen(new Map([['claim-1', 0]]), options);
  expect(loadFirstSeen({ ...options, boot: bootOf(clock, 'boot-2') })).toEqual(new Map());
  expect(loadFirstSeen({ ...options, boot: () => undefined })).toEqual(new Map());
  const file = join(options.folder, 'first-seen.json');
  for (const text of ['', '[]', '{"boot":"boot-1","seen":{"claim 1":1,"claim-1":"x","claim-2":9e15}}']) {
    await writeFile(file, text);
    expect(loadFirstSeen(options), text).toEqual(new Map());
  }
  await writeFile(file, '{"boot":"boot-1","seen":{"claim-1":5000000}}');
  await chmod(file, 0o666);
  expect(loadFirstSeen(options)).toEqual(new Map());
});

it('keeps the latest 32', async () => {
  const { options } = await fixture();
  await saveFirstSeen(new Map(Array.from({ length: 100 }, (_, index) => [`claim-${index}`, 1000 - index])), options);
  const kept = [...loadFirstSeen(options).keys()];
  expect(kept).toHaveLength(32);
  expect(kept).toContain('claim-99');
  expect(kept).not.toContain('claim-67');
});
