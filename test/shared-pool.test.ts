import { describe, expect, it, vi } from 'vitest';
import { createSharedPool } from '../src/shared-pool.js';

function setUp(open: (key: string) => Promise<object> = async (key) => ({ key })) {
  const opening = vi.fn(open);
  const closing = vi.fn(async () => undefined);
  const pool = createSharedPool<string, object>({ same: (a, b) => a === b, open: opening, close: closing });
  return { pool, opening, closing };
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
});
