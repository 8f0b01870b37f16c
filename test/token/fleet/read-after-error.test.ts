import { describe, expect, it } from 'vitest';
import { createWorker, settled, setUp, TTL, unavailable } from './fixture.js';

describe('rule 3: after any error of a write, read', () => {
  it('recognises a won claim whose answer was lost', async () => {
    const { clock, store } = setUp();
    store.onWrite = (document) =>
      document.renewal === undefined ? { applied: true } : { applied: true, error: unavailable() };
    const worker = createWorker(clock, store);
    const start = clock.monotonic();
    await settled(clock, worker.renew());
    expect(worker.events).toEqual(['claimed', 'exchanged', 'published']);
    expect([worker.exchanges, clock.monotonic() - start < 500]).toEqual([1, true]);
  });

  it('recognises a publication whose answer was lost', async () => {
    const { clock, store } = setUp();
    store.onWrite = (document) =>
      document.renewal === undefined ? { applied: true, error: unavailable() } : { applied: true };
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect(worker.events).toEqual(['claimed', 'exchanged', 'published']);
    expect([worker.warnings, store.writes.length]).toEqual([[], 2]);
  });

  it('publishes again after a publication that did not arrive', async () => {
    const { clock, store } = setUp();
    let failures = 2;
    store.onWrite = (document) =>
      document.renewal === undefined && failures-- > 0 ? { applied: false, error: unavailable() } : { applied: true };
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect(worker.events.at(-1)).toBe('published');
    expect([worker.exchanges, store.document?.generation]).toEqual([1, 1]);
  });

  it('gives its token to its callers though no publication arrives, and says so', async () => {
    const { clock, store } = setUp();
    store.onWrite = (document) =>
      document.renewal === undefined ? { applied: false, error: unavailable() } : { applied: true };
    const worker = createWorker(clock, store);
    const token = await settled(clock, worker.renew());
    expect(token.accessToken).toContain('fake-token');
    expect(worker.events.at(-1)).toBe('publish-failed');
    expect(worker.warnings).toHaveLength(1);
    expect(worker.warnings[0]).not.toContain(token.accessToken);
  });

  it('takes a claim for lost when it learns of the win only after 0.7 ttl', async () => {
    const { clock, store } = setUp();
    let first = true;
    store.onWrite = () => {
      const delayMs = first ? 0.8 * TTL : 0;
      first = false;
      return { applied: true, delayMs };
    };
    const worker = createWorker(clock, store);
    const start = clock.monotonic();
    let exchangedAt = 0;
    const { exchange } = worker;
    worker.exchange = (signal) => {
      exchangedAt = clock.monotonic() - start;
      return exchange(signal);
    };
    await settled(clock, worker.renew());
    expect(worker.exchanges).toBe(1);
    expect(exchangedAt).toBeGreaterThan(1.8 * TTL - 1);
  });
});
