import { describe, expect, it } from 'vitest';
import { createWorker, documentOf, HOUR, published, settled, setUp, TTL } from './fixture.js';

describe('rule 8: a consumer', () => {
  it('reads the token, and never writes', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000) }));
    const consumer = createWorker(clock, store, { consumer: true });
    const token = await settled(clock, consumer.renew());
    expect([token.clientId, store.writes.length]).toEqual(['client', 0]);
  });

  it('waits for those who renew at most 3 ttl, and says so', async () => {
    const { clock, store } = setUp();
    const consumer = createWorker(clock, store, { consumer: true });
    const error = await settled(
      clock,
      consumer.renew().catch((thrown: unknown) => thrown),
    );
    expect(error).toMatchObject({ code: 'ERR_TOKEN_WAIT_TIMEOUT', retryable: true });
    expect((error as Error).message).toContain('consumer');
    expect(clock.monotonic()).toBeGreaterThanOrEqual(3 * TTL);
    expect(clock.monotonic()).toBeLessThanOrEqual(3 * TTL + 2500);
  });

  it('gets the token as soon as it comes', async () => {
    const { clock, store } = setUp();
    const consumer = createWorker(clock, store, { consumer: true });
    const renewal = consumer.renew();
    await clock.advance(2 * TTL);
    store.holds(documentOf({ token: published(clock.now()) }));
    await settled(clock, renewal, 2000);
  });

  it('fails at once where the document can never be its own', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ identity: 'y'.repeat(43), token: published(clock.now()) }));
    const consumer = createWorker(clock, store, { consumer: true });
    await expect(settled(clock, consumer.renew(), 0)).rejects.toMatchObject({ code: 'ERR_TOKEN_DOCUMENT_MISMATCH' });
  });

  it('takes the due token of others for its own due one, where that is the newer', async () => {
    const { clock, store } = setUp();
    const consumer = createWorker(clock, store, { consumer: true });
    store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000) }));
    const usable = await settled(clock, consumer.renew());
    store.holds(documentOf({ generation: 2, token: published(clock.now() - HOUR + 240_000) }));
    const token = await settled(clock, consumer.renew({ usable }));
    expect([token.expiresAt - usable.expiresAt, consumer.generationOf(token)]).toEqual([120_000, 2]);
  });

  it('says once that it waits, and again only after it has had a token', async () => {
    const { clock, store } = setUp();
    const consumer = createWorker(clock, store, { consumer: true });
    for (let call = 0; call < 3; call++) {
      await settled(
        clock,
        consumer.renew().catch(() => undefined),
      );
      expect(consumer.warnings).toHaveLength(1);
    }
    expect(consumer.warnings[0]).toContain('waiting for those who renew');
    store.holds(documentOf({ token: published(clock.now()) }));
    await settled(clock, consumer.renew());
    await clock.advance(2 * HOUR);
    await settled(
      clock,
      consumer.renew().catch(() => undefined),
    );
    expect(consumer.warnings).toHaveLength(2);
  });
});
