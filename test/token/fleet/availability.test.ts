import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../../src/errors.js';
import { claimBy, createWorker, documentOf, settled, setUp, TTL } from './fixture.js';

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
    expect(worker.warnings).toHaveLength(1);
    expect(store.writes).toEqual([]);
  });

  it('gets a token though the store forbids writing', async () => {
    const { clock, store } = setUp();
    store.onWrite = () => ({ applied: false, error: new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no') });
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew(), 11_000);
    expect(worker.exchanges).toBe(1);
    expect(worker.warnings).toHaveLength(1);
  });
});
