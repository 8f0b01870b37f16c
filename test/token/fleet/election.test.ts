import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/clock.js';
import { TokenRequestRejectedError } from '../../../src/errors.js';
import type { ElectedEntry } from '../../../src/secret/provider.js';
import type { ManualClock } from '../../support/manual-clock.js';
import {
  createWorker,
  documentOf,
  type FakeStore,
  HOUR,
  published,
  serverError,
  settled,
  setUp,
  TTL,
  unavailable,
} from './fixture.js';

/** Gives the store an election with times in whole seconds. */
function electing() {
  const { clock, store } = setUp();
  const entries: ElectedEntry[] = [];
  store.canSwap = false;
  return { clock, store, entries, ...elect(clock, store, entries) };
}

function elect(clock: ManualClock, store: FakeStore, entries: ElectedEntry[]) {
  const fates: Record<'enter' | 'list', () => void> = { enter: () => undefined, list: () => undefined };
  const second = () => Math.floor(clock.now() / 1000) * 1000;
  store.election = {
    enter: async (entry) => {
      const elected = { ...entry, createdAt: second(), versionId: String(entries.length) };
      entries.push(elected);
      fates.enter();
      return elected;
    },
    list: async (generation) => {
      fates.list();
      return { entries: entries.filter((entry) => entry.generation === generation), serverTime: second() };
    },
  };
  return { fates };
}

describe('a store with an election instead of compare-and-swap', () => {
  it('does not wait out a refused credential that has been replaced since', async () => {
    const { clock, store, entries } = electing();
    let version = '7';
    const credentialVersion = async () => version;
    const failing = createWorker(clock, store, { credentialVersion });
    failing.exchange = () =>
      Promise.reject(new TokenRequestRejectedError('no', { error: 'invalid_client', status: 400 }));
    await expect(settled(clock, failing.renew())).rejects.toMatchObject({ error: 'invalid_client' });
    expect(entries.at(-1)?.failure).toMatchObject({ credentialVersion: '7' });
    const other = createWorker(clock, store, { credentialVersion });
    await expect(settled(clock, other.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_REQUEST_REJECTED' });
    version = '8';
    await settled(clock, other.renew());
    expect([other.exchanges, clock.monotonic() < 60_000]).toEqual([1, true]);
  });

  it('holds published documents only; the winner waits until its second is over by one more', async () => {
    const { clock, store, entries } = electing();
    await clock.advance(400);
    const worker = createWorker(clock, store);
    let exchangedAt = 0;
    const { exchange } = worker;
    worker.exchange = (signal) => {
      exchangedAt = clock.monotonic();
      return exchange(signal);
    };
    await settled(clock, worker.renew());
    expect(store.writes.map(({ document }) => [document.generation, document.renewal])).toEqual([[1, undefined]]);
    expect(entries.map(({ generation }) => generation)).toEqual([0]);
    expect(exchangedAt).toBeGreaterThanOrEqual(2000);
    expect(worker.events).toEqual(['claimed', 'exchanged', 'published']);
  });

  it('lets one of twenty that come at once exchange, and the others adopt its token', async () => {
    const { clock, store, entries } = electing();
    const workers = Array.from({ length: 20 }, () => createWorker(clock, store));
    for (const worker of workers) {
      const { exchange } = worker;
      // Long enough for all others to find out whether they have won.
      worker.exchange = async (signal) => {
        await sleep(clock, 1000);
        return exchange(signal);
      };
    }
    const tokens = await settled(clock, Promise.all(workers.map((worker) => worker.renew())));
    expect(entries.length).toBe(20);
    expect(workers.reduce((sum, { exchanges }) => sum + exchanges, 0)).toBe(1);
    expect(new Set(tokens.map((token) => token.accessToken)).size).toBe(1);
  });

  it('makes no entry where a live claim stands, and one when that is dead by the store’s clock', async () => {
    const { clock, store, entries } = electing();
    entries.push({ generation: 0, id: 'other', ttlMs: TTL, createdAt: clock.now(), versionId: 'v' });
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(TTL - 1);
    expect(entries.length).toBe(1);
    await settled(clock, renewal, 6000);
    expect([entries.length, worker.exchanges]).toEqual([2, 1]);
  });

  it('recognises an entry whose answer was lost', async () => {
    const { clock, store, entries, fates } = electing();
    fates.enter = () => {
      throw unavailable();
    };
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect([entries.length, worker.exchanges]).toEqual([1, 1]);
  });

  it('shares a failure by an entry, and the next claim counts on', async () => {
    const { clock, store, entries } = electing();
    const failing = createWorker(clock, store);
    failing.exchange = () => Promise.reject(serverError());
    await expect(settled(clock, failing.renew())).rejects.toThrow('IMS is away');
    const [claim, failure] = entries;
    expect(failure?.failure).toMatchObject({ claimId: claim?.id, retryAfterMs: 1000, count: 1 });
    const other = createWorker(clock, store);
    await expect(settled(clock, other.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(other.exchanges).toBe(0);
    await clock.advance(1000);
    await settled(
      clock,
      failing.renew().catch(() => undefined),
    );
    expect(entries.at(-1)?.failure).toMatchObject({ retryAfterMs: 2000, count: 2 });
    expect(store.writes).toEqual([]);
  });

  it('adopts what was published while the election went on, without an exchange', async () => {
    const { clock, store } = electing();
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(500);
    store.holds(documentOf({ token: published(clock.now()) }));
    const token = await settled(clock, renewal);
    expect([worker.exchanges, token.accessToken.startsWith('published-')]).toEqual([0, true]);
  });

  it('does not put its token over one that was published while it exchanged', async () => {
    const { clock, store } = electing();
    const worker = createWorker(clock, store);
    const { exchange } = worker;
    worker.exchange = (signal) => {
      store.holds(documentOf({ generation: 1, token: published(clock.now() + 1) }));
      return exchange(signal);
    };
    const token = await settled(clock, worker.renew());
    expect(token.accessToken).toContain('published-');
    expect([store.writes, worker.events.at(-1)]).toEqual([[], 'adopted']);
  });

  it('goes on above the highest generation seen, after a late write of an older document', async () => {
    const { clock, store } = electing();
    store.holds(documentOf({ generation: 7, token: published(clock.now()) }));
    const worker = createWorker(clock, store);
    const usable = await settled(clock, worker.renew());
    store.holds(documentOf({ generation: 6, token: published(clock.now() - HOUR / 2) }));
    await clock.advance(0.85 * HOUR);
    await settled(clock, worker.renew({ usable }));
    expect(store.document?.generation).toBe(8);
  });

  it('keeps to its entry though single looks fail', async () => {
    const { clock, store, entries, fates } = electing();
    let looks = 0;
    fates.list = () => {
      if (++looks === 2 || looks === 3) throw unavailable();
    };
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew(), 5000);
    expect([entries.length, worker.exchanges]).toEqual([1, 1]);
  });
});
