import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, chown, lchown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_CONFIG_BYTES, readConfigFile } from '../../src/config/read-file.js';
import { failure, tempFolder, write } from './support.js';

const me = process.getuid?.() ?? 0;
const found = { discovered: true, uid: me };
const named = { discovered: false, uid: me };

describe.skipIf(process.platform === 'win32')('a config file found by search', () => {
  it('is read when only its owner may write it', async () => {
    const file = await write(await tempFolder(), 'c.yaml', 'a: 1', 0o644);
    expect(await readConfigFile(file, found)).toBe('a: 1');
  });

  it.each([0o664, 0o646, 0o666, 0o620, 0o602])('is refused with mode %o, with the line that mends it', async (mode) => {
    const folder = await tempFolder();
    const file = await write(folder, "it's.yaml", 'a: 1', mode);
    const error = await failure(readConfigFile(file, found));
    expect(error.message).toContain('written by others');
    expect(error.hint).toContain(`chmod go-w '${folder}/it'\\''s.yaml'`);
    expect(await readConfigFile(file, named)).toBe('a: 1');
  });

  it('is checked behind a link too', async () => {
    const folder = await tempFolder();
    const target = await write(folder, 'target.yaml', 'a: 1');
    const link = join(folder, 'imsvault.config.yaml');
    await symlink(target, link);
    expect(await readConfigFile(link, found)).toBe('a: 1');
    await chmod(target, 0o666);
    expect((await failure(readConfigFile(link, found))).message).toContain('written by others');
  });

  it('is refused when it belongs to another user, with the line that mends it', async () => {
    const file = await write(await tempFolder(), 'c.yaml', 'a: 1');
    // Root's files are trusted, so as root the file must become somebody else's.
    if (me === 0) await chown(file, 12_345, 12_345);
    const error = await failure(readConfigFile(file, { discovered: true, uid: me + 1 }));
    expect(error.message).toContain('belongs to another user');
    expect(error.hint).toContain(`sudo chown ${me + 1} ${file}`);
    expect(await readConfigFile(file, named)).toBe('a: 1');
  });

  it('is refused behind a link of another user', async () => {
    const link = join(await tempFolder(), 'link.yaml');
    await symlink('/etc/hosts', link);
    if (me === 0) await lchown(link, 12_345, 12_345);
    const error = await failure(readConfigFile(link, { discovered: true, uid: me + 1 }));
    expect(error.message).toContain('belongs to another user');
    expect(error.hint).toContain('chown -h');
  });

  it.runIf(me === 0)('is not asked whose link it is where it is named, or where there are no users', async () => {
    const link = join(await tempFolder(), 'link.yaml');
    await symlink('/etc/hosts', link);
    await lchown(link, 12_345, 12_345);
    expect(await readConfigFile(link, { discovered: false, uid: 7 })).toContain('localhost');
    expect(await readConfigFile(link, { discovered: true, uid: undefined })).toContain('localhost');
  });

  it('is read when it belongs to root', async () => {
    expect(await readConfigFile('/etc/hosts', { discovered: true, uid: me + 1 })).toContain('localhost');
  });
});

describe('a config file', () => {
  it.each([
    ['does not exist', async (folder: string) => join(folder, 'none.yaml')],
    [
      'is not a file',
      async (folder: string) => {
        await mkdir(join(folder, 'folder.yaml'));
        return join(folder, 'folder.yaml');
      },
    ],
    [
      'is not a file',
      async (folder: string) => {
        execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
        return join(folder, 'pipe.yaml');
      },
    ],
    ['is larger than', (folder: string) => write(folder, 'c.yaml', ' '.repeat(MAX_CONFIG_BYTES + 1))],
  ])('that %s is refused', async (text, make) => {
    const file = await make(await tempFolder());
    const { message } = await failure(readConfigFile(file, named));
    expect(message).toContain(`the config file ${file} ${text}`);
  });

  it('is told of as a whole', async () => {
    const file = join(await tempFolder(), 'none.yaml');
    expect((await failure(readConfigFile(file, named))).problems).toStrictEqual([
      { path: '', message: `the config file ${file} does not exist` },
    ]);
  });

  it.runIf(process.platform === 'linux')('is closed again, also where it is refused', async () => {
    const file = await write(await tempFolder(), 'c.yaml', 'a: 1');
    await readConfigFile(file, named);
    await writeFile(file, Buffer.from([0xff]));
    await failure(readConfigFile(file, named));
    const open = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    expect(open).not.toContain(file);
  });

  it.each([
    ['that leads round in a ring', 'ring', 'cannot be read (ELOOP)'],
    ['below a file', 'ring.yaml/c.yaml', 'cannot be read (ENOTDIR)'],
  ])('%s is told of with the code of the system', async (_what, name, text) => {
    const folder = await tempFolder();
    await symlink('ring', join(folder, 'ring'));
    await write(folder, 'ring.yaml', '');
    expect((await failure(readConfigFile(join(folder, name), named))).message).toContain(text);
  });

  it('that is found is trusted by its owner, and where there are no users', async () => {
    const file = await write(await tempFolder(), 'c.yaml', 'a: 1', 0o644);
    const owner = me || 12_345;
    if (me === 0) await chown(file, owner, owner);
    expect(await readConfigFile(file, { discovered: true, uid: owner })).toBe('a: 1');
    expect(await readConfigFile(file, { discovered: true, uid: undefined })).toBe('a: 1');
  });

  it('of the largest size is read; one that is not UTF-8 is refused', async () => {
    const folder = await tempFolder();
    const file = await write(folder, 'c.yaml', ' '.repeat(MAX_CONFIG_BYTES));
    expect(await readConfigFile(file, named)).toHaveLength(MAX_CONFIG_BYTES);
    await writeFile(file, Buffer.from([0x61, 0xff, 0xfe]));
    expect((await failure(readConfigFile(file, named))).message).toContain('not UTF-8');
  });
});
