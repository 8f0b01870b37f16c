import { describe, expect, it } from 'vitest';
import type { AccessToken } from '../../../src/access-token.js';
import { ImsvaultError } from '../../../src/errors.js';
import type { SecretMetadata } from '../../../src/secret/provider.js';
import { putUnlessOvertaken } from '../../../src/token/fleet/token-store.js';
import { createWorker, documentOf, HOUR, published, settled, setUp, unavailable } from './fixture.js';

/** A worker whose token did not get into the store. */
async function unpublished(failure: Error = unavailable()) {
  const { clock, store } = setUp();
  store.onWrite = (document) =>
    document.renewal === undefined ? { applied: false, error: failure } : { applied: true };
  const worker = createWorker(clock, store);
  const token = await settled(clock, worker.renew());
  expect(worker.events).toContain('publish-failed');
  store.writes.length = 0;
  return { clock, store, worker, token };
}

describe('a token that could not be written', () => {
  it('is written later, on its own claim, and is then of that generation', async () => {
    const { clock, store, worker, token } = await unpublished();
    store.onWrite = () => ({ applied: true });
    await clock.advance(5000);
    expect(store.document).toMatchObject({ generation: 1, token: { publishId: expect.any(String) } });
    expect(store.document?.renewal).toBeUndefined();
    expect(worker.events.at(-1)).toBe('published');
    // Of its own generation, so it is not adopted in its own place.
    await clock.advance(0.85 * HOUR);
    await settled(clock, worker.renew({ usable: token }));
    expect([worker.exchanges, store.document?.generation]).toEqual([2, 2]);
  });

  it('is tried again with growing pauses for as long as it is worth it, and fails nobody', async () => {
    const { clock, store, worker } = await unpublished();
    const from = clock.monotonic();
    await clock.advance(2 * HOUR);
    const pauses = store.writes.map(({ at }, index) => at - (store.writes[index - 1]?.at ?? from));
    // Of 5 s a half, and the random half of the other.
    expect(pauses[0]).toBeGreaterThan(3600);
    expect(pauses[0]).toBeLessThanOrEqual(3750);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(300_500);
    expect(store.writes.length).toBeGreaterThan(10);
    // Until callers would have to wait for its successor.
    expect((store.writes.at(-1)?.at ?? 0) - from).toBeLessThan(HOUR - 300_000);
    expect([worker.warnings.length, clock.pending]).toEqual([1, 0]);
  });

  it('is given up when somebody else has published', async () => {
    const { clock, store } = await unpublished();
    store.onWrite = () => ({ applied: true });
    store.holds(documentOf({ generation: 1, token: published(clock.now()) }));
    await clock.advance(HOUR);
    expect(store.writes).toEqual([]);
  });

  it('waits for another’s live claim, and is written when that is dead', async () => {
    const { clock, store } = await unpublished();
    store.onWrite = () => ({ applied: true });
    store.holds(documentOf({ generation: 0, renewal: { id: 'other', ttlMs: 20_000 } }));
    await clock.advance(19_000);
    expect(store.writes).toEqual([]);
    await clock.advance(60_000);
    expect(store.document?.token).toBeDefined();
  });

  it.each([
    ['of a newer version', { readOnly: true }],
    ['of another fleet', { identity: 'y'.repeat(43) }],
  ])('is given up where a document %s stands there', async (_title, fields) => {
    const { clock, store } = await unpublished();
    store.onWrite = () => ({ applied: true });
    store.holds(documentOf({ generation: 0, ...fields }));
    await clock.advance(5000);
    expect([store.writes, clock.pending]).toEqual([[], 0]);
  });

  it('is not tried again where this process may not write, nor after close', async () => {
    const denied = await unpublished(new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no'));
    await denied.clock.advance(HOUR);
    expect(denied.store.writes.length).toBe(1);
    const closed = await unpublished();
    await closed.worker.close();
    await closed.clock.advance(HOUR);
    expect(closed.store.writes).toEqual([]);
  });

  it('is not written a second time where it stands there', async () => {
    const { clock, store } = setUp();
    const access = putUnlessOvertaken(store);
    const document = documentOf({ token: published(clock.now()) });
    store.holds(document);
    expect(await access.write(document, store.id, new AbortController().signal)).toBeUndefined();
    expect(store.writes).toEqual([]);
  });

  it('of an exchange without the store is shared when the store is back, and is then of that generation', async () => {
    const { clock, store } = setUp();
    store.onRead = () => {
      throw unavailable();
    };
    const workers = [createWorker(clock, store), createWorker(clock, store, { random: () => 0.9 })];
    const [token] = await settled(clock, Promise.all(workers.map((worker) => worker.renew())));
    store.onRead = () => undefined;
    const exchangedAt = clock.monotonic();
    await clock.advance(120_000);
    expect(store.document).toMatchObject({ generation: 1 });
    expect(store.writes.length).toBe(1);
    expect((store.writes[0]?.at ?? 0) - exchangedAt).toBeGreaterThan(30_000);
    expect(workers[0]?.generationOf(token as AccessToken)).toBe(1);
  });
});

describe('metadata', () => {
  it('follows each publication in the background, and close waits for it', async () => {
    const { clock, store } = setUp();
    const written: SecretMetadata[] = [];
    let finish: () => void = () => undefined;
    store.annotate = async (metadata) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      written.push(metadata);
    };
    const worker = createWorker(clock, store);
    const token = await settled(clock, worker.renew());
    expect(written).toEqual([]);
    const closing = worker.close();
    finish();
    await closing;
    expect(written).toEqual([{ expiresAt: token.expiresAt, generation: 1, clientId: token.clientId }]);
    expect(worker.events.at(-1)).toBe('annotated');
  });

  it('that cannot be written is told once, counted each time, and fails nothing', async () => {
    const { clock, store } = setUp();
    store.annotate = () => Promise.reject(new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no tags'));
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    await clock.advance(HOUR);
    await settled(clock, worker.renew());
    await worker.close();
    expect(worker.events.filter((event) => event === 'annotate-failed')).toHaveLength(2);
    expect(worker.warnings).toHaveLength(1);
    expect(worker.warnings[0]).toContain('no tags');
  });

  it('that can be written again in between is told of anew', async () => {
    const { clock, store } = setUp();
    let fails = true;
    store.annotate = async () => {
      if (fails) throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no tags');
    };
    const worker = createWorker(clock, store);
    for (const next of [false, true, true]) {
      await settled(clock, worker.renew());
      fails = next;
      await clock.advance(HOUR);
    }
    await worker.close();
    expect(worker.events.filter((event) => event.startsWith('annotate'))).toEqual([
      'annotate-failed',
      'annotated',
      'annotate-failed',
    ]);
    expect(worker.warnings).toHaveLength(2);
  });
});
