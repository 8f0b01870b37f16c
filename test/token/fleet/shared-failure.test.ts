import { describe, expect, it } from 'vitest';
import { ImsvaultError, TokenRequestRejectedError } from '../../../src/errors.js';
import { fakeToken } from '../../support/fake-token.js';
import {
  claimBy,
  createWorker,
  documentOf,
  HOUR,
  published,
  serverError,
  settled,
  setUp,
  unavailable,
} from './fixture.js';

describe('rule 6: failure is shared', () => {
  it('puts the failure in place of the claim, and nobody else tries before its pause is over', async () => {
    const { clock, store } = setUp();
    const failing = createWorker(clock, store);
    failing.exchange = () => Promise.reject(serverError());
    await expect(settled(clock, failing.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(store.document?.renewal).toBeUndefined();
    expect(store.document?.lastFailure).toMatchObject({ retryAfterMs: 1000, count: 1 });
    const other = createWorker(clock, store);
    await expect(settled(clock, other.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    await clock.advance(999);
    await expect(settled(clock, other.renew(), 0)).rejects.toMatchObject({ retryAfterMs: 1 });
    expect(other.exchanges).toBe(0);
    await clock.advance(1);
    await settled(clock, other.renew());
    expect(other.exchanges).toBe(1);
    expect(store.document?.lastFailure).toBeUndefined();
  });

  it('doubles the pause up to five minutes', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    worker.exchange = () => Promise.reject(serverError());
    const pauses: number[] = [];
    for (let round = 0; round < 11; round++) {
      await expect(settled(clock, worker.renew())).rejects.toThrow('IMS is away');
      pauses.push(store.document?.lastFailure?.retryAfterMs ?? 0);
      await worker.renew().catch(() => undefined);
      await clock.advance(pauses.at(-1) ?? 0);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1000));
  });

  it('leaves a store that keeps 100 versions of a day room for tokens, through an outage of eight hours', async () => {
    const { clock, store } = setUp();
    store.writeIntervalMs = 1_200_000;
    const versions: number[] = [];
    const { holds } = store;
    store.holds = (document) => {
      versions.push(clock.monotonic());
      holds(document);
    };
    store.onWrite = () => {
      const isFull = versions.filter((at) => clock.monotonic() - at < 24 * HOUR).length >= 100;
      const error = new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'full', { retryable: false });
      return isFull ? { applied: false, error } : { applied: true };
    };
    const workers = Array.from({ length: 5 }, () => createWorker(clock, store));
    const exchanges = () => workers.reduce((sum, worker) => sum + worker.exchanges, 0);
    const working = workers.map((worker) => worker.exchange);
    for (const worker of workers) worker.exchange = () => Promise.reject(serverError());
    const ask = async (forMs: number) => {
      for (let passed = 0; passed < forMs; passed += 60_000) {
        const renewals = Promise.allSettled(workers.map((worker) => worker.renew()));
        await clock.advance(60_000);
        await renewals;
      }
    };
    await ask(8 * HOUR);
    // Ten tries at once, one each 40 min, and one each 5 min that costs the store nothing.
    expect(versions.length).toBeLessThan(50);
    expect(exchanges()).toBeGreaterThan(90);
    expect(exchanges()).toBeLessThan(120);
    expect(workers.flatMap(({ warnings }) => warnings)).toContain(
      'fake store: its last renewal failed; exchanging without a claim',
    );
    for (const [index, worker] of workers.entries()) Object.assign(worker, { exchange: working[index] });
    const before = exchanges();
    await ask(420_000);
    const tokens = await Promise.all(workers.map((worker) => settled(clock, worker.renew())));
    expect([exchanges() - before, new Set(tokens.map(({ accessToken }) => accessToken)).size]).toEqual([1, 1]);
    expect(store.document).toMatchObject({ generation: 1 });
  });

  it('lets a process that is closed in the middle of a renewal hold nobody up', async () => {
    const { clock, store } = setUp();
    const closing = new AbortController();
    const leaving = createWorker(clock, store, { signal: closing.signal });
    leaving.exchange = () => new Promise(() => undefined);
    const left = expect(leaving.renew()).rejects.toThrow('closed');
    await clock.advance(0);
    expect(store.document?.renewal).toBeDefined();
    closing.abort(new Error('closed'));
    await leaving.close();
    expect(store.document?.renewal).toBeUndefined();
    await left;
    await settled(clock, createWorker(clock, store).renew(), 0);
  });

  it('waits five minutes after invalid_client, and five at most after any Retry-After', async () => {
    for (const [error, pause, code] of [
      [new TokenRequestRejectedError('no', { error: 'invalid_client', status: 400 }), 300_000, 'invalid_client'],
      [
        new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'busy', { retryAfterMs: 45_000 }),
        45_000,
        'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      ],
      [
        new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'busy', { retryAfterMs: 10 * HOUR }),
        300_000,
        'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      ],
    ] as const) {
      const { clock, store } = setUp();
      const worker = createWorker(clock, store);
      worker.exchange = () => Promise.reject(error);
      await expect(settled(clock, worker.renew())).rejects.toBe(error);
      expect(store.document?.lastFailure).toMatchObject({ retryAfterMs: pause, code });
    }
  });

  it('does not wait out a refused credential that has been replaced since', async () => {
    const { clock, store } = setUp();
    let version: string | undefined = '7';
    const credentialVersion = async () => version;
    const failing = createWorker(clock, store, { credentialVersion });
    failing.exchange = () =>
      Promise.reject(new TokenRequestRejectedError('no', { error: 'invalid_client', status: 400 }));
    await expect(settled(clock, failing.renew())).rejects.toMatchObject({ error: 'invalid_client' });
    expect(store.document?.lastFailure).toMatchObject({ credentialVersion: '7' });

    const other = createWorker(clock, store, { credentialVersion });
    const blind = createWorker(clock, store);
    for (const unchanged of ['7', undefined]) {
      version = unchanged;
      await expect(settled(clock, other.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_REQUEST_REJECTED' });
    }
    version = '8';
    await expect(settled(clock, blind.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_REQUEST_REJECTED' });
    await settled(clock, other.renew());
    expect([other.exchanges, blind.exchanges, clock.monotonic() < 60_000]).toEqual([1, 0, true]);
    expect(store.document?.lastFailure).toBeUndefined();
  });

  it('shares the version of a refused credential, never of another failure', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store, { credentialVersion: async () => '7' });
    worker.exchange = () => Promise.reject(serverError());
    await expect(settled(clock, worker.renew())).rejects.toThrow();
    expect(store.document?.lastFailure).not.toHaveProperty('credentialVersion');
  });

  it('serves what is valid while the store is away', async () => {
    const { clock, store } = setUp();
    store.onRead = () => {
      throw unavailable();
    };
    const worker = createWorker(clock, store);
    const usable = fakeToken(clock.now(), 3600);
    await expect(settled(clock, worker.renew({ usable }))).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    expect([worker.exchanges, clock.monotonic()]).toEqual([0, 0]);
  });

  it('without a token and without the store, exchanges after 0–10 s at random, or fails where configured', async () => {
    for (const random of [0.1, 0.25, 0.999]) {
      const { clock, store } = setUp();
      store.onRead = () => {
        throw unavailable();
      };
      const worker = createWorker(clock, store, { random: () => random });
      const renewal = worker.renew();
      await clock.advance(random * 10_000 - 1);
      expect(worker.exchanges).toBe(0);
      await settled(clock, renewal, 100);
      expect(worker.exchanges).toBe(1);
      expect(worker.events).toEqual(['store-unavailable', 'uncoordinated', 'exchanged']);
      expect(worker.warnings).toEqual([expect.stringContaining('it cannot be used (the store is away)')]);
      const consumer = createWorker(clock, store, { consumer: true });
      await expect(settled(clock, consumer.renew(), 0)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
      const strict = createWorker(clock, store, { onUnavailable: 'fail' });
      await expect(settled(clock, strict.renew(), 0)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
      expect(strict.exchanges).toBe(0);
    }
  });

  it('without compare-and-swap publishes only, and a failure takes nothing away', async () => {
    const { clock, store } = setUp();
    store.canSwap = false;
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect(worker.events).toEqual(['exchanged', 'published']);
    expect(store.document).toMatchObject({ generation: 1 });
    expect(store.writes).toHaveLength(1);
    await clock.advance(HOUR);
    worker.exchange = () => {
      store.holds(documentOf({ generation: 2, token: published(clock.now()) }));
      return Promise.reject(serverError());
    };
    await expect(settled(clock, worker.renew())).rejects.toThrow('IMS is away');
    expect(store.document?.token).toBeDefined();
    expect(store.writes).toHaveLength(1);
  });

  it('without compare-and-swap tries a failed publication again', async () => {
    const { clock, store } = setUp();
    store.canSwap = false;
    let failures = 1;
    store.onWrite = () => (failures-- > 0 ? { applied: false, error: unavailable() } : { applied: true });
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect([worker.events.at(-1), store.document?.generation]).toEqual(['published', 1]);
  });

  it('looks at a store that was away once more, and exchanges only after two failures in a row', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('other')));
    let looks = 0;
    store.onRead = () => {
      if (++looks % 2 === 1) throw unavailable();
    };
    const worker = createWorker(clock, store, { random: () => 0.1 });
    const renewal = worker.renew();
    await clock.advance(10_000);
    expect([looks > 6, worker.exchanges]).toEqual([true, 0]);
    store.holds(documentOf({ token: published(clock.now()) }));
    await settled(clock, renewal);
    expect(worker.exchanges).toBe(0);
  });

  it('adopts what is there when the store is back', async () => {
    const { clock, store } = setUp();
    store.onRead = () => {
      throw unavailable();
    };
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(2000);
    store.onRead = () => undefined;
    store.holds(documentOf({ token: published(clock.now()) }));
    await settled(clock, renewal, 4000);
    expect([worker.exchanges, worker.warnings]).toEqual([0, []]);
  });

  it('gives the due token that it has found when the store goes away before the claim', async () => {
    const { clock, store } = setUp();
    store.claimSpreadMs = 2000;
    store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000) }));
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(100);
    store.onRead = () => {
      throw unavailable();
    };
    expect((await settled(clock, renewal)).accessToken).toContain('published-');
    expect(worker.exchanges).toBe(0);
  });

  it('still insists on a new token after a first look has failed', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 4, token: published(clock.now()) }));
    let looks = 0;
    store.onRead = () => {
      if (++looks === 1) throw unavailable();
    };
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew({ forced: true }));
    expect([worker.exchanges, store.document?.generation]).toEqual([1, 5]);
  });
});
