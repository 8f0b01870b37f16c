import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootTime } from '../../../src/clock.js';
import type { CallFacts } from '../../../src/token/cache/facts.js';
import { openTokenCache, type TokenCache } from '../../../src/token/cache/token-cache.js';
import { DEFAULT_RENEWAL } from '../../../src/token/renewal-schedule.js';
import { tempFolder } from '../../config/support.js';
import { createManualClock, type ManualClock } from '../../support/manual-clock.js';

export const UID = process.getuid?.() ?? 0;

/** A boot that goes on with a manual clock, and does not jump with it. */
export const bootOf =
  (clock: ManualClock, id = 'boot-1', offsetMs = 5_000_000) =>
  (): BootTime => ({ id, ms: offsetMs + clock.monotonic() });

/** Lets real reads and writes of files come through, until `done`; time stands still. */
export async function afterFiles(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000 && !done(); turn++) await stat('.');
  if (!done()) throw new Error('it did not come');
}

/** Moves time on in steps of 100 ms, a minute at most, until `promise` is settled. */
export async function pump<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  for (let step = 0; step < 600 && !settled; step++) {
    for (let turn = 0; turn < 8 && !settled; turn++) await stat('.');
    if (!settled) await clock.advance(100);
  }
  if (!settled) throw new Error('it is not settled after a minute');
  return promise;
}

export interface Machine {
  clock: ManualClock;
  runtime: string;
  folder: string;
  env: Record<string, string>;
  warnings: string[];
  /** The cache as a new process opens it. */
  open(change?: Partial<CallFacts> & { boot?: () => BootTime | undefined }): Promise<TokenCache>;
}

export async function machine(): Promise<Machine> {
  const clock = createManualClock();
  const runtime = join(await tempFolder(), 'run');
  await mkdir(runtime, { mode: 0o700 });
  const env = { XDG_RUNTIME_DIR: runtime, FUSION_CLIENT_ID: 'client' };
  const warnings: string[] = [];
  return {
    clock,
    runtime,
    folder: join(runtime, 'imsvault'),
    env,
    warnings,
    async open({ boot, ...change } = {}) {
      const facts = { version: '1', uid: UID, config: 'file:/x', profile: undefined, set: [], env, ...change };
      const cache = await openTokenCache({
        facts,
        namesRead: () => ['OWN_NAME', 'FUSION_CLIENT_ID'],
        files: () => [],
        policy: DEFAULT_RENEWAL,
        clock,
        boot: boot ?? bootOf(clock),
        random: () => 0.5,
        warn: (message) => warnings.push(message),
      });
      if (cache === undefined) throw new Error(`no cache: ${warnings.join('; ')}`);
      return cache;
    },
  };
}
