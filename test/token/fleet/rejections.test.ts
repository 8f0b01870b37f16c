import { describe, expect, it } from 'vitest';
import { createWorker, documentOf, published, settled, setUp, unavailable } from './fixture.js';

describe('rule 7: a rejected token', () => {
  /** A worker that holds the document's token, of the given age. */
  async function holding(ageMs: number, fields = {}) {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - ageMs), ...fields }));
    const worker = createWorker(clock, store);
    const rejected = await settled(clock, worker.renew());
    return { clock, store, worker, rejected };
  }

  it('is not renewed while it is younger than 60 s', async () => {
    const young = await holding(59_000);
    expect(await settled(young.clock, young.worker.renew({ rejected: young.rejected }))).toBe(young.rejected);
    expect(young.worker.exchanges).toBe(0);
    const old = await holding(60_000);
    expect(await settled(old.clock, old.worker.renew({ rejected: old.rejected }))).not.toBe(old.rejected);
    expect([old.worker.exchanges, old.store.document?.rejectionRenewedAt]).toEqual([1, old.clock.now()]);
  });

  it('is renewed at most once per five minutes in the whole fleet', async () => {
    const { clock, store, worker, rejected } = await holding(120_000);
    let token = await settled(clock, worker.renew({ rejected }));
    await clock.advance(200_000);
    expect(await settled(clock, worker.renew({ rejected: token }))).toBe(token);
    const other = createWorker(clock, store);
    const theirs = await settled(clock, other.renew());
    expect(await settled(clock, other.renew({ rejected: theirs }))).toBe(theirs);
    expect(worker.exchanges + other.exchanges).toBe(1);
    await clock.advance(100_000);
    token = await settled(clock, worker.renew({ rejected: token }));
    expect(worker.exchanges).toBe(2);
  });

  it('is replaced by a newer generation where there is one', async () => {
    const { clock, store, worker, rejected } = await holding(120_000);
    store.holds(documentOf({ generation: 2, token: published(clock.now()) }));
    const token = await settled(clock, worker.renew({ rejected }));
    expect([worker.exchanges, token.accessToken]).toEqual([0, `published-${clock.now()}`]);
  });

  it('costs one exchange for all who report the same one at once', async () => {
    const { clock, store, worker, rejected } = await holding(120_000);
    const others = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const other = createWorker(clock, store);
        return { other, held: await other.renew() };
      }),
    );
    const tokens = await settled(
      clock,
      Promise.all([worker.renew({ rejected }), ...others.map(({ other, held }) => other.renew({ rejected: held }))]),
    );
    expect(worker.exchanges + others.reduce((sum, { other }) => sum + other.exchanges, 0)).toBe(1);
    expect(new Set(tokens.map((token) => token.accessToken)).size).toBe(1);
  });

  it('does not wait for a moment in the future that a wrong clock wrote', async () => {
    const { clock, worker, rejected } = await holding(120_000, { rejectionRenewedAt: Date.UTC(2200, 0, 1) });
    await settled(clock, worker.renew({ rejected }));
    expect(worker.exchanges).toBe(1);
  });

  it('keeps both limits where no document can record them', async () => {
    const { clock, store } = setUp();
    store.onRead = () => {
      throw unavailable();
    };
    const worker = createWorker(clock, store);
    let token = await settled(clock, worker.renew());
    expect(await settled(clock, worker.renew({ rejected: token }))).toBe(token);
    await clock.advance(60_000);
    token = await settled(clock, worker.renew({ rejected: token }));
    expect(worker.exchanges).toBe(2);
    await clock.advance(120_000);
    expect(await settled(clock, worker.renew({ rejected: token }))).toBe(token);
    expect(worker.exchanges).toBe(2);
  });

  it('a forced renewal makes a newer generation than the store’s, once for all at the same time', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 4, token: published(clock.now()) }));
    const workers = [createWorker(clock, store), createWorker(clock, store), createWorker(clock, store)];
    await settled(clock, Promise.all(workers.map((worker) => worker.renew({ forced: true }))));
    expect([workers.reduce((sum, { exchanges }) => sum + exchanges, 0), store.document?.generation]).toEqual([1, 5]);
  });

  it('a forced renewal names the generation that it replaces: all that hold the same one make one exchange', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 4, token: published(clock.now()) }));
    const workers = [createWorker(clock, store), createWorker(clock, store), createWorker(clock, store)];
    const held = await Promise.all(workers.map((worker) => worker.renew()));
    const force = (index: number) => settled(clock, workers[index]?.renew({ forced: held[index] as never }) as never);
    const tokens = await Promise.all([force(0), force(1)]);
    // The last one learns of the first two's renewal only by reading.
    tokens.push(await force(2));
    expect([workers.reduce((sum, { exchanges }) => sum + exchanges, 0), store.document?.generation]).toEqual([1, 5]);
    expect(new Set(tokens.map((token) => (token as { accessToken: string }).accessToken)).size).toBe(1);
  });
});
