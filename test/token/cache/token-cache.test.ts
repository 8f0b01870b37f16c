import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fakeToken } from '../../support/fake-token.js';
import { expectNoSecrets } from '../../support/leaks.js';
import { bootOf, machine, UID } from './fixture.js';

const tokenFile = async (folder: string) => {
  const [name] = (await readdir(folder)).filter((each) => each.endsWith('.json'));
  return join(folder, name ?? 'none');
};

describe.skipIf(process.platform === 'win32')('the cache file of a machine', () => {
  it('gives another process the token, in files that nobody else can open', async () => {
    const { clock, folder, warnings, open } = await machine();
    const first = await open();
    expect(first.read()).toBeUndefined();
    const token = fakeToken(clock.now(), 3600);
    await first.write(token);

    const found = (await open()).read();
    expect(found?.token.accessToken).toBe(token.accessToken);
    expect(found?.token).toMatchObject({ issuedAt: token.issuedAt, expiresAt: token.expiresAt, clientId: 'client' });
    expect(found?.phase).toBe('fresh');
    expect((await lstat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder)) expect((await lstat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([]);
  });

  it('ages by the wall clock and by the boot, whichever is further', async () => {
    const { clock, open } = await machine();
    const cache = await open();
    await cache.write(fakeToken(clock.now(), 3600));
    await clock.advance(50 * 60_000);
    expect(cache.read()?.phase).toBe('fresh');
    await clock.advance(2 * 60_000);
    expect(cache.read()?.phase).toBe('soft');
    await clock.advance(4 * 60_000);
    expect(cache.read()?.phase).toBe('hard');
    await clock.advance(4 * 60_000);
    expect(cache.read()).toBeUndefined();
  });

  it('sees through a wall clock that was set back in the same boot', async () => {
    const { clock, open } = await machine();
    const cache = await open();
    const token = fakeToken(clock.now(), 3600);
    await cache.write(token);
    clock.jump(-50 * 60_000);
    await clock.advance(58 * 60_000);
    // 8 minutes by the wall clock.
    expect(cache.read()?.phase).toBe('hard');
    // Its times are moved with the clock.
    expect(cache.read()?.token.expiresAt).toBe(token.expiresAt - 50 * 60_000);
    await clock.advance(2 * 60_000);
    expect(cache.read()).toBeUndefined();
  });

  it('takes the wall clock’s word for a machine that slept, or was booted anew', async () => {
    const { clock, open } = await machine();
    await (await open()).write(fakeToken(clock.now(), 3600));
    clock.jump(61 * 60_000);
    expect((await open()).read()).toBeUndefined();
    clock.jump(-60 * 60_000);
    const rebooted = { boot: bootOf(clock, 'boot-2', 0) };
    expect((await open(rebooted)).read()?.phase).toBe('fresh');
    expect((await open({ boot: () => undefined })).read()?.phase).toBe('fresh');
  });

  it('believes no clock that was set back over a reboot', async () => {
    const { clock, open } = await machine();
    await (await open()).write(fakeToken(clock.now(), 3600));
    clock.jump(-2000);
    expect((await open({ boot: bootOf(clock, 'boot-2') })).read()?.phase).toBe('fresh');
    clock.jump(-1);
    expect((await open({ boot: bootOf(clock, 'boot-2') })).read()).toBeUndefined();
    expect((await open({ boot: () => undefined })).read()).toBeUndefined();
    expect((await open({ boot: () => ({ id: 'boot-1', ms: 1 }) })).read()).toBeUndefined();
  });

  it('keeps a token also where the system does not tell its boot', async () => {
    const { clock, open, warnings } = await machine();
    const withoutBoot = { boot: () => undefined };
    await (await open(withoutBoot)).write(fakeToken(clock.now(), 3600));
    expect((await open(withoutBoot)).read()?.phase).toBe('fresh');
    expect((await open()).read()?.phase).toBe('fresh');
    expect(warnings).toEqual([]);
  });

  it('has another file for each way to call', async () => {
    const { clock, env, open } = await machine();
    await (await open()).write(fakeToken(clock.now(), 3600));
    for (const change of [
      { version: '2' },
      { uid: UID, config: 'file:/y' },
      { profile: 'prod' },
      { set: ['ims.orgId=x'] },
      { env: { ...env, FUSION_CLIENT_ID: 'another' } },
      { env: { ...env, FUSION_CLIENT_SECRET: 'another' } },
      { env: { ...env, AWS_PROFILE: 'another' } },
      { env: { ...env, HOME: '/another' } },
    ]) {
      expect((await open(change)).read(), JSON.stringify(change)).toBeUndefined();
    }
    expect((await open({ env: { ...env, UNRELATED: 'x' } })).read()).toBeDefined();
    expect((await open()).read()).toBeDefined();
  });

  it('misses when a variable that was read is another, and keeps no value of it', async () => {
    const { clock, env, folder, open } = await machine();
    const secret = 'p8e-OwnNamed.Secret-0123456789';
    await (await open({ env: { ...env, OWN_NAME: secret, FUSION_CLIENT_SECRET: secret } })).write(
      fakeToken(clock.now(), 3600),
    );
    expect((await open({ env: { ...env, FUSION_CLIENT_SECRET: secret } })).read()).toBeUndefined();
    expect((await open({ env: { ...env, OWN_NAME: 'x', FUSION_CLIENT_SECRET: secret } })).read()).toBeUndefined();
    const same = { env: { ...env, OWN_NAME: secret, FUSION_CLIENT_SECRET: secret } };
    expect((await open(same)).read()).toBeDefined();
    for (const name of await readdir(folder)) expectNoSecrets(await readFile(join(folder, name), 'utf8'), [secret]);
  });

  it('remembers that an early renewal failed, and for how long not to try', async () => {
    const { clock, open } = await machine();
    const cache = await open();
    await cache.write(fakeToken(clock.now(), 86_400));
    await clock.advance(21 * 3_600_000);
    const waits: number[] = [];
    for (let failure = 1; failure <= 11; failure++) {
      const seen = cache.read();
      expect(seen).toMatchObject({ phase: 'soft', isPaused: false });
      if (seen !== undefined) await cache.pause(seen, failure === 2 ? 30_000 : undefined);
      let waited = 0;
      for (; cache.read()?.isPaused === true; waited += 1000) await clock.advance(1000);
      waits.push(waited / 1000);
    }
    expect(waits).toEqual([1, 30, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  it.each<[string, (file: string, folder: string) => Promise<unknown>, RegExp]>([
    ['cut off', async (file) => writeFile(file, (await readFile(file, 'utf8')).slice(0, 200)), /not a JSON object/],
    ['empty', (file) => writeFile(file, ''), /not a JSON object/],
    [
      'of a newer version',
      async (file) => writeFile(file, (await readFile(file, 'utf8')).replace('cache/1', 'cache/2')),
      /written by another version/,
    ],
    [
      'with a token that would break a header',
      async (file) => writeFile(file, (await readFile(file, 'utf8')).replace('fake-token', 'fake\\r\\ntoken')),
      /access_token is malformed/,
    ],
    [
      'that never expires',
      async (file) =>
        writeFile(file, (await readFile(file, 'utf8')).replace(/"expires_at":"..../, '"expires_at":"2099')),
      /more than a year away/,
    ],
    [
      'with a schedule beyond its life',
      async (file) =>
        writeFile(file, (await readFile(file, 'utf8')).replace(/"schedule":[^\]]+/, '"schedule":[1,2,99999999')),
      /schedule is malformed/,
    ],
    ...(
      [
        ['saved_at', '"yesterday"'],
        ['boot', '5'],
        ['boot', 'null'],
        ['boot', '{"id":"boot-1","ms":0.5}'],
        ['boot', '{"ms":5}'],
        ['pause', '{"until":"later","count":1}'],
        ['pause', '{"until":"2030-01-01T00:00:00.000Z","count":"1"}'],
        ['schedule', '{}'],
        ['schedule', '[2,1,3]'],
        ['schedule', '[-1,1,3]'],
        ['facts', '{"files":["ab"],"env":[]}'],
        ['facts', '{"files":[],"env":[[5,"x"]]}'],
        ['facts', '{"files":[],"env":[["OWN_NAME",5]]}'],
        ['facts', '{"files":[],"env":{}}'],
      ] as const
    ).map(
      ([name, value]) =>
        [
          `with ${name} ${value}`,
          async (file: string) => {
            const fields = { ...JSON.parse(await readFile(file, 'utf8')), [name]: JSON.parse(value) };
            await writeFile(file, JSON.stringify(fields));
          },
          new RegExp(`its ${name} (is|are) malformed`),
        ] as [string, (file: string) => Promise<unknown>, RegExp],
    ),
    [
      'without facts',
      async (file) => writeFile(file, (await readFile(file, 'utf8')).replace('"facts"', '"fiction"')),
      /facts are malformed/,
    ],
    ['too large', (file) => writeFile(file, ' '.repeat(16_385)), /larger than 16384 bytes/],
    ['open to the group', (file) => chmod(file, 0o640), /opened by others/],
    [
      'a link',
      async (file, folder) => {
        await rename(file, join(folder, '../elsewhere'));
        await symlink(join(folder, '../elsewhere'), file);
      },
      /symbolic link/,
    ],
  ])('does not believe a file that is %s, says so once, and replaces it', async (_title, spoil, message) => {
    const { clock, folder, warnings, open } = await machine();
    await (await open()).write(fakeToken(clock.now(), 3600));
    await spoil(await tokenFile(folder), folder);
    const cache = await open();
    expect(cache.read()).toBeUndefined();
    expect(cache.read()).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(message)]);
    expect(warnings[0]).not.toContain('fake-token');
    const next = fakeToken(clock.now(), 3600);
    await cache.write(next);
    expect((await open()).read()?.token.accessToken).toBe(next.accessToken);
  });

  it.runIf(UID === 0)('does not believe a file or a folder of another user', async () => {
    const { clock, folder, warnings, open } = await machine();
    await (await open()).write(fakeToken(clock.now(), 3600));
    await chown(await tokenFile(folder), 12_345, 0);
    expect((await open()).read()).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/belongs to another user/)]);
    await chown(folder, 12_345, 0);
    await expect(open()).rejects.toThrow(/imsvault belongs to another user/);
  });

  it('tells once that a token cannot be kept, and never throws', async () => {
    const { clock, folder, warnings, open } = await machine();
    const cache = await open();
    await cache.write(fakeToken(clock.now(), 3600));
    const file = await tokenFile(folder);
    await rename(file, `${file}.old`);
    // A folder in its place: a rename fails, for every user.
    await mkdir(join(file, 'x'), { recursive: true });
    await cache.write(fakeToken(clock.now(), 3600));
    await cache.write(fakeToken(clock.now(), 3600));
    expect(warnings).toEqual([expect.stringMatching(/cannot be written \(E\w+\); the token is not kept/)]);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('makes a new salt for one that is spoilt', async () => {
    const { clock, folder, open } = await machine();
    await (await open()).write(fakeToken(clock.now(), 3600));
    await writeFile(join(folder, 'salt'), 'short');
    const cache = await open();
    expect(cache.read()).toBeUndefined();
    await cache.write(fakeToken(clock.now(), 3600));
    expect((await open()).read()).toBeDefined();
    expect(await readFile(join(folder, 'salt'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    expect((await readdir(folder)).filter((name) => name.startsWith('.salt'))).toEqual([]);
  });

  it('is not there, and says why, where its salt cannot be had', async () => {
    const { folder, open } = await machine();
    await open();
    await rm(join(folder, 'salt'));
    await mkdir(join(folder, 'salt'));
    await expect(open()).rejects.toThrow(
      /not kept for the next call: .*salt is not a regular file; remove it; IMSVAULT_C/,
    );
  });

  it.runIf(process.platform === 'linux')('is not there where the folder’s path leaves no room for files', async () => {
    const { env, runtime, open } = await machine();
    let deep = runtime;
    // A path has at most 4,095 bytes; the folder's own fits, that of a file with a random name does not.
    while (deep.length < 4050) deep = join(deep, 'x'.repeat(Math.min(200, 4060 - deep.length)));
    await mkdir(deep, { recursive: true, mode: 0o700 });
    await expect(open({ env: { ...env, XDG_RUNTIME_DIR: deep } })).rejects.toThrow(
      /cannot be written \(ENAMETOOLONG\)/,
    );
  });

  it('opened by many at once has one salt', async () => {
    const { clock, open } = await machine();
    const caches = await Promise.all(Array.from({ length: 20 }, () => open()));
    await caches[7]?.write(fakeToken(clock.now(), 3600));
    for (const cache of caches) expect(cache.read()).toBeDefined();
  });

  it('clears away what is older than a week', async () => {
    const { clock, folder, open } = await machine();
    const cache = await open();
    const old = (Date.now() - 8 * 86_400_000) / 1000;
    for (const name of [
      '0123.json',
      '.0123.json.abc.tmp',
      '0123.json.lock',
      '0123.json.taking',
      'not-ours',
      'its.json.copy',
    ]) {
      await writeFile(join(folder, name), 'x');
      await utimes(join(folder, name), old, old);
    }
    await cache.write(fakeToken(clock.now(), 3600));
    const left = (await readdir(folder)).filter((name) => !/^[0-9a-f]{32}\.json$/.test(name));
    expect(left.sort()).toEqual(['its.json.copy', 'not-ours', 'salt']);
  });
});
