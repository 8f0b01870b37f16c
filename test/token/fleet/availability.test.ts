import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../../src/errors.js';
import { fakeToken } from '../../support/fake-token.js';
import { claimBy, createWorker, documentOf, HOUR, published, serverError, settled, setUp, TTL } from './fixture.js';

describe('rule 5: coordination never costs availability', () => {
  it('exchanges without a claim after 3 ttl, counted and reported', async () => {
    const { clock, store } = setUp();
    let moves = 0;
    store.onRead = () => store.holds(documentOf(claimBy(`restless-${moves++}`)));
    const worker = createWorker(clock, store);
    const start = clock.monotonic();
    await settled(clock, worker.renew());
    const waited = clock.monotonic() - start;
    expect(waited).toBeGreaterThanOrEqual(3 * TTL);
    expect(waited).toBeLessThanOrEqual(3 * TTL + 2500);
    expect(worker.events).toContain('uncoordinated');
    expect(worker.warnings).toEqual([expect.stringMatching(/: no token came in 60 s; exchanging without a claim$/)]);
    expect(worker.events.slice(-2)).toEqual(['uncoordinated', 'exchanged']);
    expect(store.writes).toEqual([]);
  });

  it('gets a token though the store forbids writing', async () => {
    const { clock, store } = setUp();
    store.onWrite = () => ({ applied: false, error: new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no') });
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew(), 11_000);
    expect(worker.exchanges).toBe(1);
    expect(worker.warnings).toEqual([expect.stringContaining('it cannot be used (no); exchanging without a claim')]);
    // Somebody else may be able to write: half of the ten seconds, and a second look.
    expect([clock.monotonic() >= 5000, store.writes.length]).toEqual([true, 2]);
  });

  it.each([
    ['a reader is denied', new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no')],
    ['the document is none', new ImsvaultError('ERR_SECRET_MALFORMED', 'odd')],
    ['the store is broken', new TypeError('odd')],
  ])('throws at once where %s: that is to be mended', async (_title, error) => {
    const { clock, store } = setUp();
    store.onRead = () => {
      throw error;
    };
    const worker = createWorker(clock, store);
    await expect(settled(clock, worker.renew(), 0)).rejects.toBe(error);
    expect(worker.exchanges).toBe(0);
  });

  it('renews a due token itself where nobody else does, and goes on with it where that fails', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000) }));
    const worker = createWorker(clock, store);
    const token = await settled(clock, worker.renew());
    expect([worker.exchanges, token.accessToken.startsWith('published-')]).toEqual([1, false]);
    expect([worker.generationOf(token), store.document?.generation]).toEqual([2, 2]);

    const failing = setUp();
    failing.store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000) }));
    const other = createWorker(failing.clock, failing.store);
    other.exchange = () => Promise.reject(serverError());
    expect((await settled(failing.clock, other.renew())).accessToken).toContain('published-');
  });

  it('goes on with a due token at once where it may not write: nobody waits for the store', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000) }));
    store.onWrite = () => ({ applied: false, error: new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no') });
    const worker = createWorker(clock, store);
    expect((await settled(clock, worker.renew(), 0)).accessToken).toContain('published-');
    expect(worker.exchanges).toBe(0);
  });

  it('exchanges in place of a document for others, and says whose it is', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ identity: 'y'.repeat(43), token: published(clock.now()) }));
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect(worker.warnings).toEqual([
      'fake store: its document is for another endpoint, scope, organisation or client; exchanging without a claim',
    ]);
  });

  it('pauses between two looks at another’s claim, of a quarter of a second at least a half', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('other')));
    const worker = createWorker(clock, store, { random: () => 0.999 });
    const renewal = worker.renew();
    await clock.advance(240);
    expect(store.reads).toBe(1);
    await clock.advance(60);
    expect(store.reads).toBe(2);
    await settled(clock, renewal);
  });

  it('renews a rejected token, or by force, where the store is still empty', async () => {
    for (const request of [{ rejected: fakeToken(Date.UTC(2029, 0, 1), 3600) }, { forced: true as const }]) {
      const { clock, store } = setUp();
      const worker = createWorker(clock, store);
      await settled(clock, worker.renew(request));
      expect([worker.exchanges, store.document?.generation]).toEqual([1, 1]);
    }
  });
});
