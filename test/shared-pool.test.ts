import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { createSharedPool } from '../src/shared-pool.js';

function setUp(open: (key: string) => Promise<object> = async (key) => ({ key })) {
  const opening = vi.fn(open);
  const closing = vi.fn(async () => undefined);
  const pool = createSharedPool<string, object>({ same: (a, b) => a === b, open: opening, close: closing });
  return { pool, opening, closing };
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose_gc');
  // Weak references hold until the end of the turn that made them.
  await new Promise<void>((resolve) => setImmediate(resolve));
  runInNewContext('gc')();
}

describe('things that several users share', () => {
  it('are opened once for a key, also when they are asked for at once', async () => {
    const { pool, opening } = setUp();
    const [one, two] = [pool.lease(), pool.lease()];
    const all = await Promise.all([one.open('a'), two.open('a'), one.open('a'), two.open('b')]);
    expect(new Set(all).size).toBe(2);
    expect(opening.mock.calls).toEqual([['a'], ['b']]);
  });

  it('are closed when the last user lets go, and not before', async () => {
    const { pool, opening, closing } = setUp();
    const [one, two] = [pool.lease(), pool.lease()];
    const shared = await one.open('a');
    await one.open('a');
    await two.open('a');
    await one.close();
    await one.close();
    expect(closing).not.toHaveBeenCalled();
    await two.close();
    expect(closing.mock.calls).toEqual([[shared]]);
    await pool.lease().open('a');
    expect(opening).toHaveBeenCalledTimes(2);
  });

  it('are tried anew after a failure, and then closed once', async () => {
    let failing = true;
    const { pool, opening, closing } = setUp(async (key) => {
      if (failing) throw new Error('not now');
      return { key };
    });
    const lease = pool.lease();
    await expect(lease.open('a')).rejects.toThrow('not now');
    failing = false;
    await lease.open('a');
    await lease.close();
    expect(opening).toHaveBeenCalledTimes(2);
    expect(closing).toHaveBeenCalledTimes(1);
  });

  it('are closed although they were still being opened, and refused to who has let go', async () => {
    let finish = (_: object): void => undefined;
    const { pool, closing } = setUp(() => new Promise((resolve) => (finish = resolve)));
    const lease = pool.lease();
    const opened = lease.open('a');
    const closed = lease.close();
    finish({});
    await Promise.all([opened, closed]);
    expect(closing).toHaveBeenCalledTimes(1);
    await expect(lease.open('a')).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });

  it('are not waited for by who lets go, and closed if they come at last', async () => {
    const ends: ((end: 'opened' | 'failed') => void)[] = [];
    const { pool, opening, closing } = setUp(
      () =>
        new Promise((resolve, reject) => {
          ends.push((end) => (end === 'opened' ? resolve({}) : reject(new Error('not now'))));
        }),
    );
    const [one, two] = [pool.lease(), pool.lease()];
    const first = one.open('a');
    await one.close();
    // Nobody else gets what is to be closed.
    const second = two.open('a');
    await two.close();
    expect(opening).toHaveBeenCalledTimes(2);
    ends[0]?.('opened');
    ends[1]?.('failed');
    await expect(second).rejects.toThrow('not now');
    expect(closing.mock.calls).toEqual([[await first]]);
  });

  it('leave nothing of their key behind when they cannot be opened', async () => {
    const keys: WeakRef<object>[] = [];
    const pool = createSharedPool<object, object>({
      same: (a, b) => a === b,
      open: () => Promise.reject(new Error('not now')),
      close: async () => undefined,
    });
    const lease = pool.lease();
    const fail = async () => {
      const key = {};
      keys.push(new WeakRef(key));
      await expect(lease.open(key)).rejects.toThrow('not now');
    };
    for (let count = 0; count < 10; count++) await fail();
    await collectGarbage();
    expect(keys.filter((key) => key.deref() !== undefined)).toEqual([]);
    await lease.close();
  });
});
