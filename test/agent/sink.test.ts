import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AccessToken } from '../../src/access-token.js';
import { accountId } from '../../src/agent/sinks/accounts.js';
import { openSink } from '../../src/agent/sinks/sink.js';
import { openSinks } from '../../src/agent/sinks/sinks.js';
import type { ServedSink } from '../../src/config/load-config.js';
import type { LogRecord } from '../../src/observe/log.js';
import { tempFolder } from '../config/support.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock, settle } from '../support/manual-clock.js';

const isRoot = process.getuid?.() === 0;

async function setUp(given: Partial<ServedSink> = {}) {
  const cwd = await tempFolder();
  const clock = createManualClock();
  const records: LogRecord[] = [];
  let number = 0;
  const token = () =>
    new AccessToken({
      accessToken: `token-number-${number}`,
      tokenType: 'bearer',
      expiresAt: clock.now() + 60_000,
      issuedAt: clock.now(),
      scope: ['openid'],
      clientId: 'client',
    });
  const settings: ServedSink = {
    option: 'agent.sinks.0',
    path: join(cwd, 'out', 'token'),
    profile: 'a',
    format: 'raw',
    variable: 'FUSION_ACCESS_TOKEN',
    template: undefined,
    mode: 0o600,
    owner: undefined,
    group: undefined,
    ...given,
  };
  mkdirSync(join(cwd, 'out'));
  const deps = {
    clock,
    random: () => 0,
    log: (record: LogRecord) => records.push(record),
    tokenOf: () => (number === 0 ? undefined : { token: token(), source: 'env' }),
  };
  const renew = () => ++number;
  return { cwd, clock, records, settings, deps, renew, read: () => readFileSync(settings.path, 'utf8') };
}

describe('a sink', () => {
  it('writes nothing before there is a token, and then replaces a link instead of following it', async () => {
    const { settings, deps, renew, cwd, read, clock } = await setUp();
    const elsewhere = join(cwd, 'elsewhere');
    writeFileSync(elsewhere, 'untouched');
    symlinkSync(elsewhere, settings.path);
    const sink = await openSink(settings, deps);
    await sink.refresh();
    expect([sink.isWritten(), read()]).toEqual([false, 'untouched']);
    renew();
    await sink.refresh();
    expect([sink.isWritten(), read()]).toEqual([true, 'token-number-1']);
    expect(readFileSync(elsewhere, 'utf8')).toBe('untouched');
    expect(statSync(settings.path).mode & 0o777).toBe(0o600);
    expect(clock.pending).toBe(0);
  });

  it('that could not be written is tried again, and then holds the newest token', async () => {
    const { settings, deps, renew, cwd, read, clock, records } = await setUp();
    const sink = await openSink(settings, deps);
    renew();
    renameSync(join(cwd, 'out'), join(cwd, 'away'));
    await sink.refresh();
    expect(records).toMatchObject([{ level: 'error', event: 'sink-failed', error: 'ENOENT' }]);
    renew();
    await clock.advance(500);
    await sink.settled();
    expect(records).toHaveLength(2);
    renameSync(join(cwd, 'away'), join(cwd, 'out'));
    await clock.advance(999);
    expect(sink.isWritten()).toBe(false);
    await clock.advance(1);
    await sink.settled();
    expect([sink.isWritten(), read()]).toEqual([true, 'token-number-2']);
    expect(readdirSync(join(cwd, 'out'))).toEqual(['token']);
    expectNoSecrets(records, ['token-number-1', 'token-number-2']);
  });

  it('misses no token that comes when a write has just ended', async () => {
    const { settings, deps, renew, read, records } = await setUp();
    const sink = await openSink(settings, {
      ...deps,
      log(record) {
        deps.log(record);
        if (records.length > 1) return;
        void Promise.resolve()
          .then(() => undefined)
          .then(() => {
            renew();
            void sink.refresh();
          });
      },
    });
    renew();
    await sink.refresh();
    await settle();
    await sink.settled();
    expect([sink.isWritten(), read()]).toEqual([true, 'token-number-2']);
  });

  it('of a template that fails on a token says so without it, and leaves the file as it was', async () => {
    const { settings, deps, renew, cwd, records, read } = await setUp({ template: 'set below' });
    const template = join(cwd, 't.eta');
    writeFileSync(
      template,
      '<% if (it.access_token.endsWith("2")) throw new Error(it.access_token) %><%= it.scope %> <%= it.source %> <%= it.access_token %>',
    );
    const sink = await openSink({ ...settings, template }, deps);
    renew();
    await sink.refresh();
    expect(read()).toBe('openid env token-number-1');
    renew();
    await sink.refresh();
    expect(records.at(-1)).toMatchObject({ event: 'sink-failed', path: settings.path, template, error: 'Error' });
    expectNoSecrets(records, ['token-number-2']);
    expect(read()).toBe('openid env token-number-1');
    sink.close();
  });

  it.runIf(isRoot)('gives its file to the user and the group that are named', async () => {
    const { settings, deps, renew } = await setUp({ owner: 12345, group: '23456', mode: 0o440 });
    const sink = await openSink(settings, deps);
    renew();
    await sink.refresh();
    expect(statSync(settings.path)).toMatchObject({ uid: 12345, gid: 23456 });
    expect(statSync(settings.path).mode & 0o777).toBe(0o440);
  });

  it.skipIf(isRoot)('that may not be written is told of before there is a token', async () => {
    const { settings, deps, cwd } = await setUp();
    chmodSync(join(cwd, 'out'), 0o500);
    await expect(openSink(settings, deps)).rejects.toMatchObject({ problems: [{ path: 'agent.sinks.0.path' }] });
  });
});

describe('the sinks of another config', () => {
  it('are the same where nothing but their place in it changed; a template is read anew', async () => {
    const { settings, deps, cwd } = await setUp();
    writeFileSync(join(cwd, 't.eta'), 'x');
    const other = { ...settings, path: join(cwd, 'other') };
    const made = { ...settings, path: join(cwd, 'made'), template: join(cwd, 't.eta') };
    const before = await openSinks([settings, other, made], deps);
    const after = await openSinks(
      [{ ...other, option: 'agent.sinks.0' }, { ...settings, mode: 0o640, option: 'agent.sinks.1' }, made],
      deps,
      before,
    );
    expect(after.map((sink) => before.indexOf(sink))).toEqual([1, -1, -1]);
  });
});

describe('accounts', () => {
  it('are numbers, or names of a file', async () => {
    const cwd = await tempFolder();
    const file = join(cwd, 'group');
    writeFileSync(file, 'root:x:0:\nstaff:x:50:me\nbroken\n');
    expect(
      await Promise.all([5, '77', 'staff', 'staf', 'broken'].map((name) => accountId('group', name, file))),
    ).toEqual([5, 77, 50, undefined, undefined]);
    expect(await accountId('group', 'staff', join(cwd, 'nowhere'))).toBeUndefined();
  });
});
