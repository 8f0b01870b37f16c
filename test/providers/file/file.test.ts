import { execFileSync } from 'node:child_process';
import { chmod, chown, lstat, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import file from '../../../providers/file/index.js';
import { fileOptions } from '../../../providers/file/options.js';
import { ImsvaultError } from '../../../src/errors.js';
import { redact, reveal } from '../../../src/redacted.js';
import { loadFound, loadNamed, tempFolder, write } from '../../config/support.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { testContext } from '../../support/provider-context.js';

const SECRET = 'p8e-file_Marked.Secret-01';
const VALUE = redact(`{"client_id":"id","client_secret":"${SECRET}"}`);

async function fixture(options: object = {}) {
  const baseDir = await tempFolder();
  const { path, ...connection } = fileOptions.parse({ path: 'token.json', ...options });
  const provider = await file.createProvider(connection, testContext({ baseDir }));
  const put = (create?: boolean) => {
    if (provider.putSecret === undefined) throw new Error('it cannot write');
    return provider.putSecret({ path }, VALUE, create === undefined ? {} : { create });
  };
  return { baseDir, provider, path, put, file: join(baseDir, 'token.json') };
}

async function failure(promise: Promise<unknown>): Promise<ImsvaultError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expectNoSecrets(error, [SECRET]);
  expect(error).toBeInstanceOf(ImsvaultError);
  return error as ImsvaultError;
}

describe('file provider', () => {
  it('writes a file as a whole, for its owner alone or with another mode', async () => {
    const { put, file, provider, path, baseDir } = await fixture();
    const { id } = await put();
    expect(await readFile(file, 'utf8')).toBe(`${reveal(VALUE)}\n`);
    const read = await provider.readSecret({ path });
    expect(read.id).toBe(id);
    expect(reveal(read.value)).toBe(reveal(VALUE));
    expect(Math.abs((read.createdAt ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(await readdir(baseDir)).toEqual(['token.json']);
    if (process.platform === 'win32') return;
    expect((await lstat(file)).mode & 0o777).toBe(0o600);
    const shared = await fixture({ mode: '0640' });
    const umask = process.umask(0o077);
    await shared.put().finally(() => process.umask(umask));
    expect((await lstat(shared.file)).mode & 0o777).toBe(0o640);
  });

  it.skipIf(process.platform === 'win32')('keeps the mode of a file that it replaces, and its group', async () => {
    const { put, file } = await fixture();
    await put();
    await chmod(file, 0o640);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(file, 0, 12_345);
    await put();
    const { mode, gid } = await lstat(file);
    expect([mode & 0o777, gid]).toEqual([0o640, isRoot ? 12_345 : process.getgid?.()]);
  });

  it('has no compare-and-swap, and fakes none', async () => {
    expect((await fixture()).provider).not.toHaveProperty('replaceSecret');
  });

  it('makes no file where it is not to, and no folder at all', async () => {
    expect(await failure((await fixture()).put(false))).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
    const { put, baseDir } = await fixture({ path: 'none/token.json' });
    expect(await failure(put())).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND', hint: 'Make the folder.' });
    expect(await readdir(baseDir)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')(
    'replaces neither a link nor a folder, nor in a folder open to all',
    async () => {
      const linked = await fixture();
      await write(linked.baseDir, 'target', 'kept');
      await symlink(join(linked.baseDir, 'target'), linked.file);
      expect(await failure(linked.put())).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        message: expect.stringMatching(/symbolic link/),
      });
      expect(await readFile(join(linked.baseDir, 'target'), 'utf8')).toBe('kept');

      const folder = await fixture();
      await mkdir(folder.file);
      expect(await failure(folder.put())).toMatchObject({
        code: 'ERR_SECRET_MALFORMED',
        message: expect.stringMatching(/not a regular file/),
      });

      const open = await fixture();
      await chmod(open.baseDir, 0o777);
      expect(await failure(open.put())).toMatchObject({
        code: 'ERR_SECRET_ACCESS_DENIED',
        message: expect.stringMatching(/by everybody/),
      });
    },
  );

  it.runIf(process.getuid?.() === 0)("leaves another user's file alone", async () => {
    const { put, file, baseDir } = await fixture();
    await write(baseDir, 'token.json', 'kept');
    await chown(file, 12_345, 0);
    expect(await failure(put())).toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: expect.stringMatching(/another user/),
    });
    expect(await readFile(file, 'utf8')).toBe('kept');
  });

  it.skipIf(process.platform === 'win32')(
    'reads a link as Kubernetes mounts it, but neither a pipe nor a folder',
    async () => {
      const { provider, baseDir } = await fixture();
      await write(baseDir, '..data/secret', reveal(VALUE));
      await symlink('..data/secret', join(baseDir, 'mounted'));
      expect(reveal((await provider.readSecret({ path: 'mounted' })).value)).toBe(reveal(VALUE));
      execFileSync('mkfifo', [join(baseDir, 'pipe')]);
      for (const path of ['pipe', '..data']) {
        expect((await failure(provider.readSecret({ path }))).code).toBe('ERR_SECRET_MALFORMED');
      }
    },
  );

  it('takes a mode of three octal digits that lets nobody else write', () => {
    for (const mode of ['600', '0640', '0644']) expect(fileOptions.parse({ path: 'x', mode }).mode).toBe(mode);
    for (const mode of ['0666', '0602', '9', '4755', 'rw']) {
      expect(fileOptions.safeParse({ path: 'x', mode }).success, mode).toBe(false);
    }
  });
});

describe('a file in the config', () => {
  const config = (path: string) => `credentials: { provider: file, path: "${path}" }\n`;

  it('may come from a variable, as systemd sets it', async () => {
    const env = { CREDENTIALS_DIRECTORY: '/run/credentials/app.service' };
    const { credentials } = await loadNamed(config('${CREDENTIALS_DIRECTORY}/ims'), { env });
    expect(credentials).toMatchObject({ ref: { path: '/run/credentials/app.service/ims' } });
    const found = await loadFound(config('${CREDENTIALS_DIRECTORY}/ims'), { env });
    expect(found.credentials).toMatchObject({ ref: { path: '/run/credentials/app.service/ims' } });
  });

  it('that was found stays in its folder', async () => {
    expect((await loadFound(config('ims.json'))).credentials).toMatchObject({ ref: { path: 'ims.json' } });
    for (const path of ['../ims.json', '/etc/passwd', '~/.config/ims.json', '${SOME}/ims']) {
      await expect(loadFound(config(path), { env: { SOME: '/etc' } }), path).rejects.toMatchObject({
        problems: [expect.objectContaining({ path: 'credentials.path', message: expect.stringMatching(/own folder/) })],
      });
    }
  });

  it('can hold a token, but not of a config that was found', async () => {
    const store = 'tokenStore: { provider: file, path: token.json, mode: "0640" }\n';
    expect((await loadNamed(store)).tokenStore).toMatchObject({
      connection: { mode: '0640' },
      ref: { path: 'token.json' },
    });
    await expect(loadFound(store)).rejects.toThrow(/may not name a token store/);
  });
});
