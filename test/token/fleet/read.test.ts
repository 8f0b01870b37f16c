import { describe, expect, it } from 'vitest';
import { createWorker, documentOf, HOUR, published, settled, setUp } from './fixture.js';

describe('rule 1: read the document first', () => {
  it('uses a fresh token without a claim or an exchange', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now()) }));
    const worker = createWorker(clock, store);
    const token = await settled(clock, worker.renew());
    expect(token.accessToken).toBe(`published-${clock.now()}`);
    expect([worker.exchanges, store.writes.length, store.reads]).toEqual([0, 0, 1]);
  });

  it('reads an expired token as none', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - HOUR) }));
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect([worker.exchanges, store.document?.generation]).toEqual([1, 2]);
  });
});
