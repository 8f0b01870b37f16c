import { chmod, lstat, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCacheFolder } from '../../../src/token/cache/cache-folder.js';
import { tempFolder } from '../../config/support.js';
import { UID } from './fixture.js';

async function folderWithMode(name: string, mode: number): Promise<string> {
  const folder = join(await tempFolder(), name);
  await mkdir(folder);
  await chmod(folder, mode);
  return folder;
}

describe.skipIf(process.platform === 'win32')('the cache folder', () => {
  it('is in the runtime folder, else in the cache folder, else in ~/.cache', async () => {
    const top = await tempFolder();
    await mkdir(join(top, 'run'));
    const all = { XDG_RUNTIME_DIR: join(top, 'run'), XDG_CACHE_HOME: join(top, 'own'), HOME: top };
    const { XDG_RUNTIME_DIR: _run, ...withoutRun } = all;
    const { XDG_CACHE_HOME: _own, ...homeOnly } = withoutRun;
    expect(findCacheFolder(all, UID, 'create')).toEqual({ folder: join(top, 'run/imsvault') });
    expect(findCacheFolder(withoutRun, UID, 'create')).toEqual({ folder: join(top, 'own/imsvault') });
    expect(findCacheFolder(homeOnly, UID, 'create')).toEqual({ folder: join(top, '.cache/imsvault') });
    for (const name of ['own', 'own/imsvault', '.cache', 'run/imsvault']) {
      expect((await lstat(join(top, name))).mode & 0o777, name).toBe(0o700);
    }
  });

  it('is made with the folders above it, for this user alone', async () => {
    const top = await tempFolder();
    const folder = join(top, 'a/b/imsvault');
    expect(findCacheFolder({ XDG_CACHE_HOME: join(top, 'a/b') }, UID, 'create')).toEqual({ folder });
    for (const made of [folder, join(top, 'a/b'), join(top, 'a')]) expect((await lstat(made)).mode & 0o777).toBe(0o700);
    expect(findCacheFolder({ XDG_CACHE_HOME: join(top, 'a/b') }, UID, 'create')).toEqual({ folder });
  });

  // Node's own way to make the folders above never ends there.
  it.runIf(process.platform === 'linux')('is nowhere in a file system that makes no folders', () => {
    expect(findCacheFolder({ XDG_CACHE_HOME: '/proc/none/deeper' }, UID, 'create')).toEqual({
      problem: '/proc/none/deeper/imsvault cannot be made (ENOENT)',
    });
  });

  it('is not made where it is only looked for', async () => {
    const top = await tempFolder();
    expect(findCacheFolder({ HOME: top }, UID, 'use')).toEqual({ problem: expect.stringContaining('ENOENT') });
    await expect(lstat(join(top, '.cache'))).rejects.toThrow('ENOENT');
  });

  it('is never in a runtime folder that somebody else should have made', async () => {
    const top = await tempFolder();
    const env = { XDG_RUNTIME_DIR: join(top, 'gone'), HOME: top };
    expect(findCacheFolder(env, UID, 'create')).toEqual({ folder: join(top, '.cache/imsvault') });
  });

  it('is not where no folder can be made, and tells of each place', async () => {
    const top = await tempFolder();
    await writeFile(join(top, 'file'), '');
    const env = { XDG_RUNTIME_DIR: join(top, 'gone'), XDG_CACHE_HOME: join(top, 'file') };
    expect(findCacheFolder(env, UID, 'create').problem).toBe(
      `${join(top, 'gone/imsvault')} cannot be made (ENOENT); ${join(top, 'file/imsvault')} cannot be made (ENOTDIR)`,
    );
  });

  it.each([
    ['below a folder that everybody can write', 0o777],
    ['directly in one with the sticky bit, as /tmp', 0o1777],
  ])('is not %s', async (_title, mode) => {
    const base = await folderWithMode('open', mode);
    expect(findCacheFolder({ XDG_CACHE_HOME: base }, UID, 'create').problem).toMatch(
      /open can be written by everybody/,
    );
    expect(findCacheFolder({ XDG_RUNTIME_DIR: base }, UID, 'create').problem).toMatch(/can be written by everybody/);
    const deeper = findCacheFolder({ XDG_CACHE_HOME: join(base, 'mine') }, UID, 'create');
    if (mode === 0o777) expect(deeper.problem).toMatch(/open can be written by everybody/);
    else expect(deeper).toEqual({ folder: join(base, 'mine/imsvault') });
  });

  it('is neither a link nor open to others', async () => {
    const top = await tempFolder();
    await mkdir(join(top, 'elsewhere'), { mode: 0o700 });
    await symlink(join(top, 'elsewhere'), join(top, 'imsvault'));
    expect(findCacheFolder({ XDG_CACHE_HOME: top }, UID, 'create').problem).toMatch(/is not a folder/);
    const other = await tempFolder();
    await mkdir(join(other, 'imsvault'));
    await chmod(join(other, 'imsvault'), 0o750);
    expect(findCacheFolder({ XDG_CACHE_HOME: other }, UID, 'create').problem).toMatch(/run: chmod 700/);
    expect(findCacheFolder({ XDG_CACHE_HOME: other }, UID + 1, 'create').problem).toMatch(/another user/);
  });

  it('is nowhere without a variable, and ignores relative paths', () => {
    const problem = 'neither XDG_RUNTIME_DIR nor XDG_CACHE_HOME nor HOME is set';
    expect(findCacheFolder({}, UID, 'create')).toEqual({ problem });
    expect(findCacheFolder({ XDG_RUNTIME_DIR: 'run', HOME: '' }, UID, 'create')).toEqual({ problem });
  });
});
