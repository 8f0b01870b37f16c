import type { BigIntStats } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import type { Clock } from '../../clock.js';

/** One process of this machine at a time. */
export interface MachineLock {
  /**
   * @returns what gives it back; undefined while another process has it
   * @throws NodeJS.ErrnoException where no lock can be made: the disk is full, the folder is read-only, a dead lock stays
   */
  tryAcquire(): Promise<(() => Promise<void>) | undefined>;
}

/** Its holder touches the lock this often. */
const BEAT_MS = 1000;
/** A lock that was not touched for this long belonged to a process that was killed. */
const STILL_MS = 5000;
/** Taking a dead lock away takes microseconds. */
const MAX_TAKING_MS = 10_000;

/**
 * A file that exists while somebody has the lock. Whether its holder lives is seen by watching: no clocks or process
 * ids are compared, which other containers would give another meaning.
 * @param file absolute path
 */
export function createMachineLock(file: string, clock: Clock): MachineLock {
  let seen: { beat: string | undefined; at: number } | undefined;

  return {
    async tryAcquire() {
      const handle = await createFile(file);
      if (handle !== undefined) return hold(file, handle, clock);
      const beat = await beatOf(file);
      if (seen === undefined || seen.beat !== beat) seen = { beat, at: clock.monotonic() };
      else if (beat !== undefined && clock.monotonic() - seen.at >= STILL_MS) await takeAway(file, beat, clock);
      return undefined;
    },
  };
}

/** @returns undefined when it exists */
async function createFile(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

function hold(file: string, handle: FileHandle, clock: Clock): () => Promise<void> {
  let cancel = () => {};
  const touch = () => {
    // By its handle: should the lock have been taken away, the next one is not touched.
    handle.utimes(clock.now() / 1000, clock.now() / 1000).catch(() => undefined);
    cancel = clock.setTimer(touch, BEAT_MS);
  };
  cancel = clock.setTimer(touch, BEAT_MS);
  return async () => {
    cancel();
    try {
      const [mine, current] = await Promise.all([handle.stat({ bigint: true }), statOf(file)]);
      if (current !== undefined && current.ino === mine.ino && current.dev === mine.dev) await unlink(file);
    } catch {
      // It dies by itself.
    } finally {
      await handle.close().catch(() => undefined);
    }
  };
}

/** Changes with the holder and with each of its touches; undefined: there is no lock. */
async function beatOf(file: string): Promise<string | undefined> {
  const stats = await statOf(file);
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}:${stats.mtimeNs}`;
}

const statOf = (file: string): Promise<BigIntStats | undefined> => lstat(file, { bigint: true }).catch(() => undefined);

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

const remove = (file: string) => unlink(file).catch(() => undefined);

/** Under a lock of its own: else the second to take it away would take the first one's new lock. */
async function takeAway(file: string, beat: string, clock: Clock): Promise<void> {
  const taking = `${file}.taking`;
  const handle = await createFile(taking);
  if (handle === undefined) {
    const since = await statOf(taking);
    if (since !== undefined && Math.abs(clock.now() - Number(since.mtimeMs)) > MAX_TAKING_MS) await remove(taking);
    return;
  }
  try {
    // What cannot be removed, a folder say, would keep everybody waiting for ever.
    if ((await beatOf(file)) === beat) await unlink(file).catch(unlessGone);
  } finally {
    await handle.close();
    await remove(taking);
  }
}
