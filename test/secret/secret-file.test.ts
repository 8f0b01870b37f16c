import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { reveal } from '../../src/redacted.js';
import { readSecretFile, resolvePath } from '../../src/secret/secret-file.js';
import { expectNoSecrets } from '../support/leaks.js';

const SECRET = 'p8e-file-marked-secret';
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imsvault-secret-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(content: string | Buffer, maxBytes?: number): Promise<string> {
  await writeFile(join(folder, 'secret'), content);
  return reveal(await readSecretFile('secret', folder, 'secretIdFile', maxBytes === undefined ? {} : { maxBytes }));
}

async function failure(promise: Promise<unknown>): Promise<ImsvaultError> {
  const error = await promise.then(
    () => expect.unreachable('it should have been refused'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ImsvaultError);
  expectNoSecrets(error, [SECRET]);
  expect((error as ImsvaultError).message).toContain('secretIdFile');
  return error as ImsvaultError;
}

describe('secret file', () => {
  it.each([
    ['as it is', SECRET, SECRET],
    ['without its line end', `${SECRET}\n`, SECRET],
    ["without Windows' line end", `${SECRET}\r\n`, SECRET],
    ['with the white space that is not one line end', ` a\nb \n\n`, ' a\nb \n'],
    ['in any script', 'ключ-🔑', 'ключ-🔑'],
  ])('is read %s', async (_title, content, expected) => {
    expect(await read(content)).toBe(expected);
  });

  it('is read anew at each use, also through a link, as Kubernetes mounts it', async () => {
    await writeFile(join(folder, 'first'), 'one');
    await writeFile(join(folder, 'second'), 'two');
    const link = join(folder, 'link');
    await symlink('first', link);
    expect(reveal(await readSecretFile('link', folder, 'o'))).toBe('one');
    await rm(link);
    await symlink('second', link);
    expect(reveal(await readSecretFile(link, '/', 'o'))).toBe('two');
  });

  it('may have as many bytes as its bound says, and no more', async () => {
    expect(await read('x'.repeat(64 * 1024))).toHaveLength(64 * 1024);
    expect((await failure(read('x'.repeat(64 * 1024 + 1)))).message).toContain('larger than 65536 bytes');
    expect(await read('x'.repeat(100_000), 100_000)).toHaveLength(100_000);
    expect((await failure(read('four', 3))).code).toBe('ERR_SECRET_MALFORMED');
  });

  it.each<[string, string | Buffer, string]>([
    ['empty', '', 'is empty'],
    ['a line end alone', '\n', 'is empty'],
    ['a NUL', `${SECRET}\0`, 'is not text'],
    ['bytes that are no UTF-8', Buffer.from([0x70, 0xff, 0xfe]), 'is not text'],
  ])('is malformed: %s', async (_title, content, message) => {
    expect(await failure(read(content))).toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      message: expect.stringContaining(message),
    });
  });

  it('is malformed: a folder, and a pipe that nobody writes to', async () => {
    const found = await failure(readSecretFile('.', folder, 'secretIdFile'));
    expect(found).toMatchObject({ code: 'ERR_SECRET_MALFORMED', message: expect.stringContaining('is a folder') });
    if (process.platform === 'win32') return;
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const pipe = await failure(readSecretFile('pipe', folder, 'secretIdFile'));
    expect(pipe).toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      message: expect.stringContaining('not a regular file'),
    });
  });

  it.each(['absent', 'secret-that-is-a-file/below'])('is malformed where it is named: %s', async (path) => {
    await writeFile(join(folder, 'secret-that-is-a-file'), 'x');
    const error = await failure(readSecretFile(path, folder, 'secretIdFile'));
    expect(error.code).toBe('ERR_SECRET_MALFORMED');
    expect(error.message).toContain(`${join(folder, path)} is named, but there is no such file`);
    expect(error.hint).toContain('mounted');
  });

  it('is not configured where it is looked for by default', async () => {
    const byDefault = { ifMissing: 'ERR_PROVIDER_NOT_CONFIGURED' } as const;
    const error = await failure(readSecretFile('absent', folder, 'secretIdFile', byDefault));
    expect(error.code).toBe('ERR_PROVIDER_NOT_CONFIGURED');
    expect(error.message).toBe(`secretIdFile: ${join(folder, 'absent')} does not exist`);
  });

  it.runIf(process.platform !== 'win32')('is denied: not for this user', async () => {
    await writeFile(join(folder, 'locked'), SECRET, { mode: 0o000 });
    // The superuser may read everything, and becomes another user for this.
    const superuser = process.geteuid?.() === 0;
    if (superuser) process.seteuid?.(65_534);
    const error = await failure(readSecretFile('locked', folder, 'secretIdFile')).finally(() => {
      if (superuser) process.seteuid?.(0);
    });
    expect(error).toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      hint: 'Check the owner and the mode of the file.',
    });
  });

  it.runIf(process.platform === 'linux')('is closed again, also where it is refused', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let count = 0; count < 10; count++) {
      await read(SECRET);
      await failure(read('four', 3));
    }
    expect(open()).toBeLessThan(before + 10);
  });

  it('is unavailable where the system says something else', async () => {
    await symlink('loop', join(folder, 'loop'));
    const error = await failure(readSecretFile('loop', folder, 'secretIdFile'));
    expect(error).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', message: expect.stringContaining('ELOOP') });
  });
});

describe('paths of options', () => {
  it.each([
    ['~/x/y', join(homedir(), 'x/y')],
    ['~', homedir()],
    ['/abs/x', '/abs/x'],
    ['x/../y', '/base/y'],
    ['~other/x', '/base/~other/x'],
  ])('%s', (path, expected) => {
    expect(resolvePath(path, '/base')).toBe(expected);
  });
});
