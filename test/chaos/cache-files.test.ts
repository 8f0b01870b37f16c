import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
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
import { afterEach, describe, expect, it, type TestContext, vi } from 'vitest';
import { createCachedRenewal } from '../../src/token/cache/cached-renewal.js';
import { openTokenCache } from '../../src/token/cache/token-cache.js';
import type { TokenFrom } from '../../src/token/held-token.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock } from '../support/manual-clock.js';
import { bootOf, pump } from '../token/cache/fixture.js';
import { memoryFolder } from './support/memory-folder.js';
import { canMount, fillUp, mountTmpfs } from './support/mounts.js';
import { observeWith } from './support/observed-files.js';
import { record } from './support/reliability.js';

vi.mock('node:fs/promises', async (original) =>
  (await import('./support/observed-files.js')).observeFiles(await original()),
);

const uid = process.getuid?.() ?? 0;
const isRoot = uid === 0;
const NOBODY = 65_534;
const LIFE_SECONDS = 3600;
/** A round of reads and writes; nothing is waited for. */
const AT_ONCE_MS = 1000;
/** Until a lock that nobody touches counts as dead, and the polls beside it. */
const DEAD_LOCK_MS = 7000;

const unmounts: (() => void)[] = [];
afterEach(() => {
  observeWith({});
  for (const unmount of unmounts.splice(0)) unmount();
});

/** A machine with a cache, on which one process after the other asks for its token. */
function setUp() {
  const runtime = memoryFolder();
  const clock = createManualClock();
  const issued: string[] = [];
  const warnings: string[] = [];

  /** A new process: the cache is all that it knows. */
  async function call(): Promise<{ token: string; source: string; tookMs: number }> {
    const startedAt = clock.monotonic();
    const env = { XDG_RUNTIME_DIR: runtime };
    const common = { clock, random: () => 0.5, warn: (text: string) => void warnings.push(text) };
    const exchange = async (): Promise<TokenFrom> => {
      const token = fakeToken(clock.now(), LIFE_SECONDS);
      issued.push(token.accessToken);
      return { token, source: 'exchange' };
    };
    let source = '';
    const manager = createTokenManager({
      async renew(request, signal) {
        const facts = { version: '1', uid, config: 'x', profile: undefined, set: [], env };
        const cache = await openTokenCache({
          ...{ ...common, facts, namesRead: () => [], files: () => [], policy: DEFAULT_RENEWAL, boot: bootOf(clock) },
        });
        const renew =
          cache === undefined
            ? exchange
            : createCachedRenewal({ ...common, cache, renew: exchange, maxWaitMs: 60_000 });
        const from = await renew(request, signal);
        source = from.source;
        return from;
      },
      ...common,
    });
    const { accessToken: token } = await pump(clock, manager.getToken());
    manager.close();
    return { token, source, tookMs: clock.monotonic() - startedAt };
  }

  const folder = join(runtime, 'imsvault');
  let known: string | undefined;
  /** The token's; it was there once. */
  const file = () => {
    known ??= join(folder, readdirSync(folder).find((name) => /^[0-9a-f]{32}\.json$/.test(name)) as string);
    return known;
  };

  /** No token lies where somebody else can read it. */
  function expectPrivate(): void {
    for (const { name, parentPath } of readdirSync(runtime, { recursive: true, withFileTypes: true })) {
      const path = join(parentPath, name);
      const stats = lstatSync(path);
      if (!stats.isFile() || !issued.some((token) => readFileSync(path, 'utf8').includes(token))) continue;
      // One that another has opened or owns was so before, and no new token is written there.
      if (readFileSync(path, 'utf8').includes(issued.at(-1) as string)) {
        expect([stats.mode & 0o077, stats.uid], path).toEqual([0, uid]);
      }
    }
  }
  return { runtime, folder, file, clock, issued, warnings, call, expectPrivate };
}
type Machine = ReturnType<typeof setUp>;

interface Fault {
  fault: string;
  /** Prepares a machine that has a token in its file. */
  spoil: (machine: Machine) => void;
  /** Is to hold when all calls were made. */
  check?: (machine: Machine) => void;
  withinMs?: number;
  /** Whether the file is as good as new after the next call. Default true. */
  heals?: boolean;
  /** Whether the valid token can still be read from it. Default false. */
  readable?: boolean;
  /** Whether a warning tells of it. Default true. */
  silent?: boolean;
  /** It is of the token's file, so it needs one. Default false. */
  ofFile?: boolean;
}

/** As the file system would refuse, where none can be mounted. */
function refuse(operations: RegExp, code: string): void {
  observeWith({
    before(operation, path) {
      if (path.includes('imsvault-chaos-') && operations.test(operation))
        throw Object.assign(new Error(code), { code });
    },
  });
}

const MOUNTS = canMount();
const FAULTS: Fault[] = [
  {
    fault: 'disk full',
    spoil({ folder }) {
      if (!MOUNTS) return refuse(/^handle\.writeFile$/, 'ENOSPC');
      unmounts.push(mountTmpfs(folder));
      fillUp(folder);
    },
    ...{ heals: false, readable: true },
  },
  {
    fault: 'file system read-only',
    spoil({ folder }) {
      if (!MOUNTS) return refuse(/^(open|rename|unlink|link)$/, 'EROFS');
      unmounts.push(mountTmpfs(folder));
      execFileSync('mount', ['-o', 'remount,ro', folder]);
    },
    ...{ heals: false, readable: true },
  },
  {
    fault: 'I/O error with each write',
    spoil: () => refuse(/^handle\.(writeFile|sync)$/, 'EIO'),
    heals: false,
    readable: true,
  },
  { fault: 'no more open files', spoil: () => refuse(/^open$/, 'EMFILE'), heals: false, readable: true },
  { fault: 'file corrupt', spoil: ({ file }) => writeFileSync(file(), '{"schema":'), ofFile: true },
  { fault: 'file empty', spoil: ({ file }) => writeFileSync(file(), ''), ofFile: true },
  {
    fault: 'file of a newer version',
    spoil: ({ file }) =>
      writeFileSync(file(), readFileSync(file(), 'utf8').replace('imsvault-cache/1', 'imsvault-cache/2')),
    ofFile: true,
  },
  { fault: 'file larger than 16 KiB', spoil: ({ file }) => writeFileSync(file(), ' '.repeat(20_000)), ofFile: true },
  { fault: 'file open to others', spoil: ({ file }) => chmodSync(file(), 0o644), ofFile: true },
  ...(isRoot
    ? [{ fault: 'file of another user', spoil: ({ file }: Machine) => chownSync(file(), NOBODY, NOBODY), ofFile: true }]
    : []),
  {
    fault: 'a link in place of the file',
    ofFile: true,
    spoil({ runtime, file }) {
      const path = file();
      renameSync(path, join(runtime, 'foreign'));
      symlinkSync(join(runtime, 'foreign'), path);
    },
    check: ({ runtime, issued }) => {
      expect(readFileSync(join(runtime, 'foreign'), 'utf8')).toContain(issued[0]);
      expect(readFileSync(join(runtime, 'foreign'), 'utf8')).not.toContain(issued.at(-1));
    },
  },
  {
    fault: 'a link to nowhere in place of the file',
    ofFile: true,
    spoil({ runtime, file }) {
      const path = file();
      rmSync(path);
      symlinkSync(join(runtime, 'made-by-a-link'), path);
    },
    check: ({ runtime }) => expect(readdirSync(runtime)).not.toContain('made-by-a-link'),
  },
  {
    fault: 'a directory in place of the file',
    ofFile: true,
    spoil({ file }) {
      const path = file();
      rmSync(path);
      mkdirSync(join(path, 'foreign'), { recursive: true });
    },
    check: ({ folder }) => expect(readdirSync(folder, { recursive: true }).join()).toContain('/foreign'),
    heals: false,
  },
  {
    fault: 'a named pipe in place of the file',
    ofFile: true,
    spoil({ file }) {
      const path = file();
      rmSync(path);
      execFileSync('mkfifo', ['-m', '600', path]);
    },
  },
  { fault: 'no folder', ofFile: true, spoil: ({ folder }) => rmSync(folder, { recursive: true }), silent: true },
  {
    fault: 'a file in place of the folder',
    spoil({ folder }) {
      rmSync(folder, { recursive: true });
      writeFileSync(folder, 'foreign');
    },
    check: ({ folder }) => expect(readFileSync(folder, 'utf8')).toBe('foreign'),
    heals: false,
  },
  { fault: 'folder open to others', spoil: ({ folder }) => chmodSync(folder, 0o777), heals: false },
  ...(isRoot
    ? [
        {
          fault: 'folder of another user',
          spoil: ({ folder }: Machine) => chownSync(folder, NOBODY, NOBODY),
          heals: false,
        },
      ]
    : []),
  {
    fault: 'a link in place of the folder',
    spoil({ runtime, folder }) {
      renameSync(folder, join(runtime, 'elsewhere'));
      chmodSync(join(runtime, 'elsewhere'), 0o777);
      symlinkSync(join(runtime, 'elsewhere'), folder);
    },
    check: ({ runtime, issued }) => {
      for (const name of readdirSync(join(runtime, 'elsewhere'))) {
        expect(readFileSync(join(runtime, 'elsewhere', name), 'utf8')).not.toContain(issued.at(-1));
      }
    },
    heals: false,
  },
  { fault: 'salt lost', ofFile: true, spoil: ({ folder }) => rmSync(join(folder, 'salt')), silent: true },
  { fault: 'salt spoilt', ofFile: true, spoil: ({ folder }) => writeFileSync(join(folder, 'salt'), 'x'), silent: true },
  {
    fault: 'a lock that a killed process left',
    spoil: ({ file }) => writeFileSync(`${file()}.lock`, ''),
    ...{ withinMs: DEAD_LOCK_MS, readable: true, silent: true },
  },
  {
    fault: 'a directory in place of the lock',
    spoil: ({ file }) => mkdirSync(join(`${file()}.lock`, 'foreign'), { recursive: true }),
    check: ({ folder }) => expect(readdirSync(folder, { recursive: true }).join()).toContain('.lock/foreign'),
    ...{ withinMs: DEAD_LOCK_MS, readable: true },
  },
  {
    fault: 'a link in place of the lock',
    spoil({ runtime, file }) {
      writeFileSync(join(runtime, 'foreign'), 'foreign');
      symlinkSync(join(runtime, 'foreign'), `${file()}.lock`);
    },
    check: ({ runtime }) => expect(readFileSync(join(runtime, 'foreign'), 'utf8')).toBe('foreign'),
    ...{ withinMs: DEAD_LOCK_MS, readable: true, silent: true },
  },
];

/** When the fault is met: the machine has no token yet, a fresh one, or one that has ended. */
const PHASES = ['cold', 'warm', 'renewing'] as const;

async function runCell({ fault, ...expected }: Fault, phase: (typeof PHASES)[number], context: TestContext) {
  const machine = setUp();
  const { clock, call, issued, warnings } = machine;
  await call();
  if (phase === 'renewing') await clock.advance(LIFE_SECONDS * 1000);
  if (phase === 'cold') rmSync(machine.file());
  expected.spoil(machine);
  const first = await call();
  const { withinMs = AT_ONCE_MS, heals = true, readable = false, silent = false } = expected;
  const isServed = phase === 'warm' && readable;
  expect(first.source).toBe(isServed ? 'cache' : 'exchange');
  expect(first.token).toBe(issued.at(-1));
  expect(first.tookMs).toBeLessThanOrEqual(isServed ? AT_ONCE_MS : withinMs);
  if (!silent && !isServed) expect(warnings.length).toBeGreaterThan(0);
  const second = await call();
  expect(second.source).toBe(heals || isServed ? 'cache' : 'exchange');
  expect(second.token).toBe(issued.at(-1));
  machine.expectPrivate();
  expected.check?.(machine);
  record(context, {
    section: 'cache-files',
    fault,
    phase,
    sees: isServed ? 'the token of the file' : 'a new token',
    within: isServed || withinMs === AT_ONCE_MS ? '1 s' : '7 s',
    kept: `${heals || isServed ? 'the next process gets the same from the file' : 'each process has a token of its own'}; nothing foreign is touched, no token lies open`,
  });
}

describe.skipIf(process.platform === 'win32')("the files of a machine's cache", () => {
  const cells = FAULTS.flatMap((fault) =>
    PHASES.filter((phase) => phase !== 'cold' || fault.ofFile !== true).map((phase) => ({
      ...{ fault, phase, title: `${fault.fault}, ${phase}` },
    })),
  );
  it.for(cells)('$title', ({ fault, phase }, context) => runCell(fault, phase, context));

  it('cut off at any byte', async (context) => {
    const machine = setUp();
    await machine.call();
    const whole = readFileSync(machine.file());
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(machine.file(), whole.subarray(0, length));
      for (const source of ['exchange', 'cache']) {
        const seen = await machine.call();
        expect([seen.source, seen.token], `${length} bytes`).toEqual([source, machine.issued.at(-1)]);
        expect(seen.tookMs, `${length} bytes`).toBeLessThanOrEqual(AT_ONCE_MS);
      }
    }
    machine.expectPrivate();
    record(context, {
      ...{ section: 'cache-files', fault: 'file cut off, at each of its bytes', phase: 'warm', sees: 'a new token' },
      ...{
        within: '1 s',
        kept: 'the next process gets the same from the file; nothing foreign is touched, no token lies open',
      },
    });
  });
});
