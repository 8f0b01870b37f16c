import { realpathSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { configName, findConfigFile, locateConfig } from '../../src/config/find-config.js';
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
    const files = ['yaml', 'json'].map((ending) => join(realpathSync(top), `imsvault.config.${ending}`));
    expect(error.problems).toStrictEqual([
      { path: '', message: `two config files stand side by side: ${files.join(' and ')}` },
    ]);
    expect(error.hint).toBe('Remove one, or name the one to use by --config or IMSVAULT_CONFIG.');
  });

  it('looks on above a folder whose path is too long for the system', () => {
    expect(findConfigFile(`/${'a/'.repeat(2040)}`, '/nowhere')).toBeUndefined();
  });

  it('takes a link whose target is missing: reading it tells what is wrong', async () => {
    const top = await tempFolder();
    await symlink(join(top, 'gone'), join(top, 'imsvault.config.yaml'));
    expect(findConfigFile(top, '/nowhere')).toBe(join(realpathSync(top), 'imsvault.config.yaml'));
  });

  it('looks from a folder that is not there as from any other', async () => {
    const top = await tempFolder();
    const file = await write(top, 'imsvault.config.yaml', '');
    expect(findConfigFile(join(top, 'gone/deeper'), '/nowhere')).toBe(file);
  });
});

describe('the config of a call', () => {
  it('is the one named, by a flag before a variable, from the folder of the call', async () => {
    const cwd = await tempFolder();
    await write(cwd, 'imsvault.config.yaml', '');
    const env = { IMSVAULT_CONFIG: 'by-variable.yaml' };
    expect(locateConfig({ configPath: 'by-flag.yaml', env, cwd })).toEqual({
      file: join(cwd, 'by-flag.yaml'),
      discovered: false,
    });
    expect(locateConfig({ env, cwd })).toEqual({ file: join(cwd, 'by-variable.yaml'), discovered: false });
  });

  it('is else one that is found, and may be none', async () => {
    const cwd = await tempFolder();
    const env = { IMSVAULT_CONFIG: '' };
    expect(locateConfig({ env, cwd, home: cwd })).toStrictEqual({ discovered: false });
    const file = await write(cwd, 'imsvault.config.yaml', '');
    expect(locateConfig({ env, cwd, home: cwd })).toEqual({ file, discovered: true });
  });

  it.skipIf(process.platform === 'win32')("ends its search in the user's own home folder", async () => {
    const top = await tempFolder();
    await write(top, 'imsvault.config.yaml', '');
    await write(top, 'home/work/x', '');
    const search = () => locateConfig({ env: {}, cwd: join(top, 'home/work') }).file;
    expect(search()).toBe(join(top, 'imsvault.config.yaml'));
    vi.stubEnv('HOME', join(top, 'home'));
    expect(search()).toBeUndefined();
    vi.unstubAllEnvs();
  });

  it('has a name that tells these apart', () => {
    expect(configName({ discovered: false }, '/work')).toBe('folder:/work');
    expect(configName({ file: '/c.yaml', discovered: true }, '/work')).toBe('found:/c.yaml');
    expect(configName({ file: '/c.yaml', discovered: false }, '/work')).toBe('file:/c.yaml');
  });
});
