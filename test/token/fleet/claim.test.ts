import { describe, expect, it } from 'vitest';
import { fakeToken } from '../../support/fake-token.js';
import { claimBy, createFakeStore, createWorker, documentOf, HOUR, published, settled, setUp, TTL } from './fixture.js';

describe('rule 2: claim, exchange, publish', () => {
  it('claims the next generation with a new id each time, and publishes on its own claim', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    const first = store.document?.token?.publishId;
    await clock.advance(HOUR);
    await settled(clock, worker.renew());
    const [claimA, publishA, claimB, publishB] = store.writes;
    expect(claimA?.document.renewal?.id).toMatch(/^id-/);
    expect(claimB?.document.renewal?.id).not.toBe(claimA?.document.renewal?.id);
    expect([claimA?.expected, publishA?.expected, claimB?.expected, publishB?.expected]).toEqual([null, '1', '2', '3']);
    expect(publishB?.document).toMatchObject({ generation: 2 });
    expect(publishB?.document.renewal).toBeUndefined();
    expect(publishB?.document.token?.publishId).not.toBe(first);
  });

  it('lets one of many exchange, and the others adopt its token', async () => {
    const { clock, store } = setUp();
    const workers = Array.from({ length: 20 }, () => createWorker(clock, store));
    const tokens = await settled(clock, Promise.all(workers.map((worker) => worker.renew())));
    expect(workers.reduce((sum, { exchanges }) => sum + exchanges, 0)).toBe(1);
    expect(new Set(tokens.map((token) => token.accessToken)).size).toBe(1);
    const lost = workers.filter(({ events }) => events.includes('claim-lost'));
    expect(lost).toHaveLength(19);
    for (const { events } of lost) expect(events).toEqual(['claim-lost', 'adopted']);
  });

  it('sends who holds a usable token away while another renews', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('other')));
    const usable = fakeToken(clock.now(), 3600);
    const worker = createWorker(clock, store);
    const error = await settled(
      clock,
      worker.renew({ usable }).catch((thrown: unknown) => thrown),
    );
    expect(error).toMatchObject({
      code: 'ERR_TOKEN_WAIT_TIMEOUT',
      retryAfterMs: TTL / 4,
      message: expect.stringMatching(/: another process renews$/),
    });
    expect([worker.exchanges, store.reads]).toEqual([0, 1]);
  });

  it('gives a due token to who holds none while another renews', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000), ...claimBy('other') }));
    const worker = createWorker(clock, store);
    const token = await settled(clock, worker.renew());
    expect(token.accessToken).toContain('published-');
    expect([worker.exchanges, store.reads]).toEqual([0, 1]);
  });

  it('polls with growing, jittered pauses, each at most 2 s', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('other')));
    const moments: number[][] = [[], []];
    for (const [index, random] of [0, 0.9].entries()) {
      const one = createFakeStore(clock);
      one.holds(documentOf(claimBy('other')));
      one.onRead = () => moments[index]?.push(clock.monotonic());
      const started = clock.monotonic();
      await settled(clock, createWorker(clock, one, { random: () => random }).renew());
      moments[index] = (moments[index] as number[]).map((at) => at - started);
    }
    const [low, high] = moments as [number[], number[]];
    const pauses = low.slice(1).map((at, index) => at - (low[index] as number));
    expect(pauses[0]).toBeLessThanOrEqual(125);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2000);
    expect(low.slice(1, 4)).not.toEqual(high.slice(1, 4));
  });

  it('waits a random part of the store’s spread before a claim, and reads again', async () => {
    for (const random of [0, 0.5, 0.999]) {
      const { clock, store } = setUp();
      store.claimSpreadMs = 2000;
      const worker = createWorker(clock, store, { random: () => random });
      const renewal = worker.renew();
      await clock.advance(2000 * random - 1);
      expect(store.writes).toEqual([]);
      await settled(clock, renewal, 100);
      expect(store.writes[0]?.at).toBe(2000 * random);
      expect(store.reads).toBe(2);
    }
  });

  it('makes no claim where another stands after the spread', async () => {
    const { clock, store } = setUp();
    store.claimSpreadMs = 2000;
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(500);
    store.holds(documentOf({ token: published(clock.now()) }));
    await settled(clock, renewal);
    expect([store.writes, worker.exchanges]).toEqual([[], 0]);
  });

  it('spreads again after it has waited for another’s claim: that dies for all at once', async () => {
    const { clock, store } = setUp();
    store.claimSpreadMs = 2000;
    store.holds(documentOf(claimBy('dead')));
    const worker = createWorker(clock, store, { random: () => 0.999 });
    const renewal = worker.renew();
    await settled(clock, renewal);
    expect(store.writes[0]?.at).toBeGreaterThanOrEqual(TTL + 1998);
    const later = setUp();
    later.store.claimSpreadMs = 2000;
    later.store.onWrite = ({ renewal: claim }) => {
      if (later.store.writes.length > 1 || claim === undefined) return { applied: true };
      later.store.holds(documentOf({ generation: 0 }));
      return { applied: true };
    };
    await settled(later.clock, createWorker(later.clock, later.store).renew());
    const [lost, won] = later.store.writes.map(({ at }) => at);
    expect((won ?? 0) - (lost ?? 0)).toBeGreaterThanOrEqual(1000);
  });

  it('looks once more after a claim that it lost while it holds a token: the winner may be done', async () => {
    const { clock, store } = setUp();
    const issuedAt = clock.now() - HOUR + 120_000;
    store.holds(documentOf({ token: published(issuedAt) }));
    const worker = createWorker(clock, store);
    const usable = await settled(clock, createWorker(clock, store, { consumer: true }).renew());
    store.onWrite = () => {
      store.holds(documentOf({ generation: 2, token: published(issuedAt + HOUR) }));
      return { applied: true };
    };
    const token = await settled(clock, worker.renew({ usable }), 1000);
    expect([token.issuedAt - issuedAt, worker.exchanges]).toEqual([HOUR, 0]);
  });
});
