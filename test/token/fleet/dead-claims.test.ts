import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../../src/errors.js';
import { fakeToken } from '../../support/fake-token.js';
import { claimBy, createWorker, documentOf, HOUR, published, settled, setUp, TTL } from './fixture.js';

describe('rule 4: a claim that stands still for its ttl is dead', () => {
  it('waits the whole ttl by its own monotonic clock, whatever the wall clock does', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('dead')));
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(TTL / 2);
    clock.jump(10 * HOUR);
    await clock.advance(TTL / 2 - 1);
    expect(worker.exchanges).toBe(0);
    await settled(clock, renewal, 5000);
    expect([worker.exchanges, store.document?.generation]).toEqual([1, 2]);
  });

  it('begins anew when the claim moves', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('one')));
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(TTL - 1000);
    store.holds(documentOf(claimBy('two')));
    await clock.advance(TTL - 3000);
    expect(worker.exchanges).toBe(0);
    await settled(clock, renewal);
    expect(worker.exchanges).toBe(1);
  });

  it('heeds the ttl that the claim names', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ renewal: { id: 'brief', ttlMs: 1000 } }));
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew(), 2500);
    expect(worker.exchanges).toBe(1);
  });

  it('ends the exchange of the holder at 0.7 ttl, with an error of imsvault', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    let abortedAt = 0;
    worker.exchange = (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          abortedAt = clock.monotonic();
          reject(signal.reason);
        }),
      );
    const error = await settled(
      clock,
      worker.renew().catch((thrown: unknown) => thrown),
    );
    expect(error).toBeInstanceOf(ImsvaultError);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(abortedAt).toBe(0.7 * TTL);
    expect(store.document?.renewal).toBeUndefined();
  });

  it('never publishes but on its own claim: the loser adopts the document of the winner', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    worker.exchange = async () => {
      store.holds(documentOf({ generation: 5, token: published(clock.now() + 1) }));
      return { token: fakeToken(clock.now(), 3600), clockOffsetMs: 0 };
    };
    const token = await settled(clock, worker.renew());
    expect(worker.events).toEqual(['claimed', 'exchanged', 'publish-lost', 'adopted']);
    expect(token.accessToken).toContain('published-');
    expect(store.document?.generation).toBe(5);
  });

  it('keeps its own token when the winner has none yet', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    worker.exchange = async () => {
      store.holds(documentOf({ generation: 0, ...claimBy('other') }));
      return { token: fakeToken(clock.now(), 3600), clockOffsetMs: 0 };
    };
    const token = await settled(clock, worker.renew());
    expect(token.accessToken).toContain('fake-token');
    expect(store.document?.renewal?.id).toBe('other');
  });
});
