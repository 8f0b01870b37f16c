import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AccessToken } from '../../src/access-token.js';
import { openSink } from '../../src/agent/sinks/sink.js';
import { ConfigInvalidError } from '../../src/errors.js';
import type { LogRecord } from '../../src/observe/log.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { memoryFolder } from './support/memory-folder.js';
import { canMount, fillUp, mountTmpfs } from './support/mounts.js';
import { observeWith } from './support/observed-files.js';
import { record } from './support/reliability.js';

vi.mock('node:fs/promises', async (original) =>
  (await import('./support/observed-files.js')).observeFiles(await original()),
);
afterEach(() => observeWith({}));

const uid = process.getuid?.() ?? 0;

/** An agent's sink in a folder of its own, and the tokens of its profile. */
function setUp() {
  const cwd = memoryFolder();
  const folder = join(cwd, 'out');
  const path = join(folder, 'token');
  mkdirSync(folder);
  const clock = createManualClock();
  const log: LogRecord[] = [];
  let number = 1;
  const value = () => `token-number-${number}`;
  const settings = {
    ...{ option: 'agent.sinks.0', path, profile: 'a', format: 'raw' as const, variable: 'X', template: undefined },
    ...{ mode: 0o600, owner: undefined, group: undefined },
  };
  const deps = {
    clock,
    random: () => 0,
    log: (each: LogRecord) => void log.push(each),
    tokenOf: () => ({
      source: 'env',
      token: new AccessToken({
        ...{ accessToken: value(), tokenType: 'bearer', scope: ['openid'], clientId: 'client' },
        ...{ issuedAt: clock.now(), expiresAt: clock.now() + 3_600_000 },
      }),
    }),
  };
  /** Nothing but the sink's file holds a token, and nobody else may open that. */
  function expectPrivate(): void {
    for (const entry of readdirSync(cwd, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !readFileSync(file, 'utf8').includes('token-number-')) continue;
      const { mode, uid: owner } = lstatSync(file);
      expect([file, mode & 0o777, owner]).toEqual([path, 0o600, uid]);
    }
  }
  return { ...{ cwd, folder, path, clock, log, settings, deps, value, expectPrivate }, renew: () => ++number };
}
type World = ReturnType<typeof setUp>;

interface Fault {
  fault: string;
  spoil: (world: World) => (() => void) | undefined;
  /** Errors of the file system, where it is one. */
  needsMount?: boolean;
  /** Whether the write takes place all the same. Default false. */
  isWritten?: boolean;
  check?: (world: World) => void;
}

const FAULTS: Fault[] = [
  {
    fault: 'disk full',
    needsMount: true,
    spoil({ folder }) {
      const unfill = fillUp(folder);
      return unfill;
    },
  },
  {
    fault: 'file system read-only',
    needsMount: true,
    spoil({ folder }) {
      execFileSync('mount', ['-o', 'remount,ro', folder]);
      return () => execFileSync('mount', ['-o', 'remount,rw', folder]);
    },
  },
  ...(['ENOSPC', 'EIO', 'EDQUOT'] as const).map((code) => ({
    fault: `${code} in the middle of a write`,
    spoil() {
      observeWith({
        before: (operation) => {
          if (/^handle\.(writeFile|sync)$/.test(operation)) throw Object.assign(new Error(code), { code });
        },
      });
      return () => observeWith({});
    },
  })),
  {
    fault: 'folder gone',
    spoil({ folder }) {
      renameSync(folder, `${folder}-away`);
      return () => renameSync(`${folder}-away`, folder);
    },
  },
  {
    fault: 'a link to a file of another in place of the sink',
    spoil({ cwd, path }) {
      writeFileSync(join(cwd, 'foreign'), 'foreign', { mode: 0o644 });
      rmSync(path);
      symlinkSync(join(cwd, 'foreign'), path);
      return undefined;
    },
    isWritten: true,
    check: ({ cwd }) => expect(readFileSync(join(cwd, 'foreign'), 'utf8')).toBe('foreign'),
  },
  {
    fault: 'a file that others may read in place of the sink',
    spoil({ path }) {
      rmSync(path);
      writeFileSync(path, '');
      chmodSync(path, 0o666);
      return undefined;
    },
    isWritten: true,
  },
  {
    fault: 'a named pipe in place of the sink',
    spoil({ path }) {
      rmSync(path);
      execFileSync('mkfifo', ['-m', '666', path]);
      return undefined;
    },
    isWritten: true,
  },
  {
    fault: 'a directory in place of the sink',
    spoil({ path }) {
      rmSync(path);
      mkdirSync(path);
      writeFileSync(join(path, 'foreign'), 'foreign');
      return () => rmSync(path, { recursive: true });
    },
  },
];

/** The longest pause between two tries. */
const MAX_PAUSE_MS = 60_000;

describe.skipIf(process.platform === 'win32')("the agent's files with tokens", () => {
  const mounts = canMount();
  it.for(FAULTS.filter(({ needsMount }) => mounts || needsMount !== true))('$fault', async (given, context) => {
    const { fault, spoil, needsMount, isWritten = false, check } = given;
    const world = setUp();
    const { folder, path, clock, log, settings, deps, value, expectPrivate, renew } = world;
    const unmount = needsMount === true ? mountTmpfs(folder) : () => undefined;
    try {
      const sink = await openSink(settings, deps);
      await sink.refresh();
      const before = value();
      expect([sink.isWritten(), readFileSync(path, 'utf8')]).toEqual([true, before]);
      const mend = spoil(world);
      renew();
      await sink.refresh();
      expect(sink.isWritten()).toBe(isWritten);
      if (!isWritten) {
        expect(log.at(-1)).toMatchObject({ level: 'error', event: 'sink-failed' });
        if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) expect(readFileSync(path, 'utf8')).toBe(before);
      }
      mend?.();
      await clock.advance(isWritten ? 0 : MAX_PAUSE_MS);
      await sink.settled();
      expect([sink.isWritten(), readFileSync(path, 'utf8')]).toEqual([true, value()]);
      expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      expectPrivate();
      expectNoSecrets(log, [before, value()]);
      check?.(world);
      sink.close();
    } finally {
      unmount();
    }
    record(context, {
      ...{ section: 'sink-files', fault },
      sees: isWritten ? 'the new token in the file' : 'the last token in the file, and an error in the log',
      within: isWritten ? 'the write' : '60 s after it ends the new one',
      kept: 'nothing foreign is written to, no token lies open, nothing is left behind',
    });
  });

  it('what others put there between any two steps of a write is not followed', async (context) => {
    const shapes: Record<string, (world: World) => void> = {
      link: ({ cwd, path }) => symlinkSync(join(cwd, 'foreign'), path),
      pipe: ({ path }) => void execFileSync('mkfifo', ['-m', '666', path]),
      file: ({ path }) => writeFileSync(path, 'foreign', { mode: 0o666 }),
    };
    let steps = 0;
    for (const [shape, put] of Object.entries(shapes)) {
      for (let at = 1; ; at++) {
        const world = setUp();
        writeFileSync(join(world.cwd, 'foreign'), 'foreign', { mode: 0o666 });
        const sink = await openSink(world.settings, world.deps);
        await sink.refresh();
        world.renew();
        let count = 0;
        const swap = () => {
          if (++count !== at) return;
          rmSync(world.path, { recursive: true, force: true });
          put(world);
        };
        observeWith({ before: swap, after: swap });
        await sink.refresh();
        observeWith({});
        const isSwapped = count >= at;
        steps = Math.max(steps, at);
        expect(readFileSync(join(world.cwd, 'foreign'), 'utf8'), `${shape} at step ${at}`).toBe('foreign');
        // After the rename the file is the other's, and the token's has been replaced: nothing of it is left there.
        const isThere = lstatSync(world.path).isFile() && readFileSync(world.path, 'utf8') !== 'foreign';
        if (isThere) expect(readFileSync(world.path, 'utf8')).toBe(world.value());
        world.expectPrivate();
        expect(readdirSync(world.folder), `${shape} at step ${at}`).toEqual(['token']);
        sink.close();
        if (!isSwapped) break;
      }
    }
    expect(steps).toBeGreaterThan(10);
    record(context, {
      ...{ section: 'sink-files', fault: 'a link, a pipe or a file put there between any two steps of a write' },
      sees: 'the new token in the file, or what the other put there after it',
      within: 'the write',
      kept: 'nothing foreign is written to, no token lies open, nothing is left behind',
    });
  });

  it('that cannot work is told of at the start', async (context) => {
    const { settings, deps, cwd, path, folder } = setUp();
    mkdirSync(path);
    await expect(openSink(settings, deps)).rejects.toThrow(ConfigInvalidError);
    expect([readdirSync(folder), readdirSync(path)]).toEqual([['token'], []]);
    rmSync(folder, { recursive: true });
    await expect(openSink(settings, deps)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    expect(readdirSync(cwd)).toEqual([]);
    record(context, {
      ...{ section: 'sink-files', fault: 'a directory in place of the sink, or no folder, at the start' },
      sees: '`ERR_CONFIG_INVALID`',
      within: 'the start',
      kept: 'nothing is written',
    });
  });
});
