import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readOwnedFile } from '../../../src/token/cache/owned-file.js';
import { tempFolder } from '../../config/support.js';
import { UID } from './fixture.js';

async function fileOf(content: string, mode = 0o600): Promise<string> {
  const file = join(await tempFolder(), 'file');
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

describe.skipIf(process.platform === 'win32')('a file of this user', () => {
  it('is read up to its bound, and there may be none', async () => {
    expect(readOwnedFile(await fileOf('x'.repeat(16_384)), UID)).toEqual({ text: 'x'.repeat(16_384) });
    expect(readOwnedFile(await fileOf('x'.repeat(16_385)), UID)).toEqual({ problem: 'is larger than 16384 bytes' });
    expect(readOwnedFile(await fileOf(''), UID)).toEqual({ text: '' });
    expect(readOwnedFile(join(await tempFolder(), 'none'), UID)).toEqual({});
  });

  it('is no link, no folder, no pipe, and nothing that others can open', async () => {
    const file = await fileOf('x');
    await symlink(file, `${file}.link`);
    expect(readOwnedFile(`${file}.link`, UID)).toEqual({ problem: 'is a symbolic link' });
    expect(readOwnedFile(await tempFolder(), UID)).toEqual({ problem: 'is not a regular file' });
    execFileSync('mkfifo', ['-m', '600', `${file}.pipe`]);
    expect(readOwnedFile(`${file}.pipe`, UID)).toEqual({ problem: 'is not a regular file' });
    expect(readOwnedFile(file, UID + 1)).toEqual({ problem: 'belongs to another user' });
    for (const mode of [0o640, 0o604]) {
      expect(readOwnedFile(await fileOf('x', mode), UID)).toEqual({
        problem: 'can be opened by others than its owner',
      });
    }
    expect(readOwnedFile(join(file, 'below'), UID)).toEqual({ problem: 'cannot be read (ENOTDIR)' });
  });

  it.runIf(process.platform === 'linux')('is closed again', async () => {
    const [file, open] = [await fileOf('x', 0o640), () => readdirSync('/proc/self/fd').length];
    const before = open();
    for (let count = 0; count < 10; count++) readOwnedFile(file, UID);
    expect(open()).toBeLessThan(before + 10);
  });
});
