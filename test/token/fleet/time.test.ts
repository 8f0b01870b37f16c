import { describe, expect, it } from 'vitest';
import { fakeToken } from '../../support/fake-token.js';
import { createWorker, documentOf, HOUR, published, settled, setUp } from './fixture.js';

describe('rule 9: time', () => {
  it.each([-600_000, 600_000])('corrects a wall clock that is %d ms off by the store’s', async (skew) => {
    const { clock, store } = setUp();
    const serverNow = clock.now() - skew;
    store.offsetMs = -skew;
    store.holds(documentOf({ token: published(serverNow - 1000) }));
    const worker = createWorker(clock, store);
    const token = await settled(clock, worker.renew());
    expect(worker.exchanges).toBe(0);
    expect(token.expiresAt).toBe(clock.now() - 1000 + HOUR);
    expect(worker.warnings).toHaveLength(1);
    expect(worker.warnings[0]).toContain('600 s');
  });

  it.each([-600_000, 600_000])('writes the servers’ time though its own clock is %d ms off', async (skew) => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    worker.exchange = async () => ({ token: fakeToken(clock.now(), 3600), clockOffsetMs: -skew });
    await settled(clock, worker.renew());
    expect(store.document?.token?.expiresAt).toBe(clock.now() - skew + HOUR);
  });
});
