import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findConfigFile } from '../../src/config/find-config.js';
import { failure, tempFolder, write } from './support.js';

describe('finding a config file', () => {
  it.each(['yaml', 'yml', 'json'])('looks upwards for imsvault.config.%s', async (ending) => {
    const top = await tempFolder();
    const file = await write(top, `imsvault.config.${ending}`, '');
    await write(top, 'a/b/x', '');
    expect(await findConfigFile(join(top, 'a/b'), '/nowhere')).toBe(file);
  });

  it('takes the nearest', async () => {
    const top = await tempFolder();
    await write(top, 'imsvault.config.yaml', '');
    const near = await write(top, 'a/imsvault.config.json', '');
    expect(await findConfigFile(join(top, 'a'), '/nowhere')).toBe(near);
  });

  it.each(['.git/HEAD', '.git'])('goes no further than the repository root (%s)', async (git) => {
    const top = await tempFolder();
    await write(top, 'imsvault.config.yaml', '');
    await write(top, `repo/${git}`, '');
    await write(top, 'repo/src/x', '');
    expect(await findConfigFile(join(top, 'repo/src'), '/nowhere')).toBeUndefined();
    const inside = await write(top, 'repo/imsvault.config.yaml', '');
    expect(await findConfigFile(join(top, 'repo/src'), '/nowhere')).toBe(inside);
  });

  it('goes no further than the home folder, also when that is given by a link', async () => {
    const top = await tempFolder();
    await write(top, 'imsvault.config.yaml', '');
    await write(top, 'home/work/x', '');
    await symlink(join(top, 'home'), join(top, 'link'));
    expect(await findConfigFile(join(top, 'home/work'), join(top, 'link'))).toBeUndefined();
    const own = await write(top, 'home/imsvault.config.yaml', '');
    expect(await findConfigFile(join(top, 'home/work'), join(top, 'link'))).toBe(own);
  });

  it('finds nothing up to the root', async () => {
    const top = await tempFolder();
    expect(await findConfigFile(top, '/nowhere')).toBeUndefined();
  });

  it('refuses two in one folder', async () => {
    const top = await tempFolder();
    await write(top, 'imsvault.config.yaml', '');
    await write(top, 'imsvault.config.json', '');
    const error = await failure((async () => findConfigFile(top, '/nowhere'))());
    expect(error.message).toContain('imsvault.config.yaml');
    expect(error.message).toContain('imsvault.config.json');
    expect(error.hint).toContain('--config');
  });
});
