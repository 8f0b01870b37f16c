import { readdirSync } from 'node:fs';
import { mkdir, readdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachineLock } from '../../../src/token/cache/machine-lock.js';
import { tempFolder } from '../../config/support.js';
import { createManualClock } from '../../support/manual-clock.js';

async function fixture() {
  const folder = await tempFolder();
  const clock = createManualClock();
  const file = join(folder, 'lock');
  return { folder, clock, file, process: () => createMachineLock(file, clock) };
}

describe('the lock between processes', () => {
  it('is held by one, and free again afterwards', async () => {
    const { process, folder } = await fixture();
    const [a, b] = [process(), process()];
    const release = await a.tryAcquire();
    expect(release).toBeDefined();
    expect(await b.tryAcquire()).toBeUndefined();
    expect(await a.tryAcquire()).toBeUndefined();
    await release?.();
    expect(await readdir(folder)).toEqual([]);
    expect(await b.tryAcquire()).toBeDefined();
  });

  it('stays with a holder that lives, however long it takes', async () => {
    const { process, clock, file } = await fixture();
    await process().tryAcquire();
    const other = process();
    for (let second = 0; second < 120; second++) {
      expect(await other.tryAcquire()).toBeUndefined();
      await clock.advance(1000);
      // The touch is a real write.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(async () => (await stat(file)).mtimeMs).toBeCloseTo(clock.now(), -1);
  });

  it('is taken from a holder that was killed, after five seconds of watching', async () => {
    const { process, clock, file, folder } = await fixture();
    await writeFile(file, '');
    await utimes(file, 1, 1);
    const other = process();
    expect(await other.tryAcquire()).toBeUndefined();
    await clock.advance(4999);
    expect(await other.tryAcquire()).toBeUndefined();
    await clock.advance(1);
    expect(await other.tryAcquire()).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
    expect(await other.tryAcquire()).toBeDefined();
  });

  it('tells of what stands in its place and cannot be removed, instead of waiting for ever', async () => {
    const { process, clock, file } = await fixture();
    await mkdir(file);
    const other = process();
    expect(await other.tryAcquire()).toBeUndefined();
    await clock.advance(5000);
    await expect(other.tryAcquire()).rejects.toMatchObject({ code: expect.stringMatching(/^E(ISDIR|PERM)$/) });
    expect(await readdir(file)).toEqual([]);
  });

  it('is left to a process that takes a dead lock away just now', async () => {
    const { process, clock, file, folder } = await fixture();
    await writeFile(file, '');
    const other = process();
    await other.tryAcquire();
    await clock.advance(5000);
    await writeFile(`${file}.taking`, '');
    await utimes(`${file}.taking`, clock.now() / 1000 - 9, clock.now() / 1000 - 9);
    expect(await other.tryAcquire()).toBeUndefined();
    expect(await readdir(folder)).toEqual(['lock', 'lock.taking']);
  });

  it.runIf(process.platform === 'linux')('leaves no file open', async () => {
    const fixed = await fixture();
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let count = 0; count < 10; count++) await (await fixed.process().tryAcquire())?.();
    expect(open()).toBeLessThan(before + 10);
  });

  it('goes to one of many that saw it dead', async () => {
    const { process, clock, file } = await fixture();
    for (let round = 0; round < 20; round++) {
      await writeFile(file, '');
      const others = Array.from({ length: 8 }, process);
      await Promise.all(others.map((each) => each.tryAcquire()));
      await clock.advance(5000);
      const held = [];
      for (let poll = 0; poll < 3; poll++) {
        held.push(...(await Promise.all(others.map((each) => each.tryAcquire()))).filter((each) => each !== undefined));
      }
      expect(held).toHaveLength(1);
      await held[0]?.();
    }
  });

  it('is not given back by a holder that lost it', async () => {
    const { process, file, folder } = await fixture();
    const late = await process().tryAcquire();
    await unlink(file);
    const current = await process().tryAcquire();
    expect(current).toBeDefined();
    await late?.();
    expect(await readdir(folder)).toEqual(['lock']);
  });

  it('survives a process that was killed while it took a dead lock away', async () => {
    const { process, clock, file } = await fixture();
    await writeFile(file, '');
    await writeFile(`${file}.taking`, '');
    await utimes(`${file}.taking`, clock.now() / 1000 - 11, clock.now() / 1000 - 11);
    const other = process();
    await other.tryAcquire();
    await clock.advance(5000);
    const tries = [await other.tryAcquire(), await other.tryAcquire(), await other.tryAcquire()];
    expect(tries.filter((each) => each !== undefined)).toHaveLength(1);
  });

  it('says where none can be made', async () => {
    const clock = createManualClock();
    await expect(createMachineLock('/nowhere/lock', clock).tryAcquire()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
