import { describe, expect, it } from 'vitest';
import { createWorker, documentOf, HOUR, published, settled, setUp } from './fixture.js';

describe('generations', () => {
  it('refuses a rise by more than 1,000 within an hour', async () => {
    for (const [rise, afterMs, accepted] of [
      [1000, 0, true],
      [1001, 0, false],
      [1001, HOUR, true],
    ] as const) {
      const { clock, store } = setUp();
      store.holds(documentOf({ generation: 7, token: published(clock.now()) }));
      const worker = createWorker(clock, store);
      const usable = await settled(clock, worker.renew());
      await clock.advance(afterMs);
      store.holds(documentOf({ generation: 7 + rise, token: published(clock.now() + 1) }));
      const next = settled(clock, worker.renew({ usable }));
      if (accepted) expect((await next).accessToken).toBe(`published-${clock.now() + 1}`);
      else await expect(next).rejects.toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
    }
  });

  it('goes on rising after the store was set back, at one exchange', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 50, token: published(clock.now()) }));
    const workers = [createWorker(clock, store), createWorker(clock, store), createWorker(clock, store)];
    const held = await Promise.all(workers.map((worker) => worker.renew()));
    await clock.advance(0.9 * HOUR);
    store.holds(documentOf({ generation: 5, token: published(clock.now() - 10 * HOUR) }));
    const [first, ...rest] = workers.map(
      (worker, index) => () => settled(clock, worker.renew({ usable: held[index] as never })),
    );
    await first?.();
    expect(store.document?.generation).toBe(51);
    for (const renew of rest) await renew();
    expect(workers.reduce((sum, { exchanges }) => sum + exchanges, 0)).toBe(1);
  });

  it('a token that lives longer is adopted from a store that was set back', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 50, token: published(clock.now()) }));
    const worker = createWorker(clock, store);
    const usable = await settled(clock, worker.renew());
    await clock.advance(0.9 * HOUR);
    store.holds(documentOf({ generation: 5, token: published(clock.now()) }));
    const token = await settled(clock, worker.renew({ usable }));
    expect([worker.exchanges, token.accessToken]).toEqual([0, `published-${clock.now()}`]);
  });
});
