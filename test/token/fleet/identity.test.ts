import { describe, expect, it } from 'vitest';
import type { ImsvaultError } from '../../../src/errors.js';
import { reveal } from '../../../src/redacted.js';
import { createWorker, documentOf, HOUR, published, settled, setUp } from './fixture.js';

describe('a document that is not this fleet’s', () => {
  const foreign = { identity: 'y'.repeat(43), generation: 9, unknown: { note: 'kept' } };

  it.each([
    ['exchange', 1, undefined, 9],
    ['replace', 1, undefined, 10],
    ['fail', 0, 'ERR_TOKEN_DOCUMENT_MISMATCH', 9],
  ] as const)('onMismatch %s', async (onMismatch, exchanges, code, generation) => {
    const { clock, store } = setUp();
    store.holds(documentOf({ ...foreign, token: published(clock.now()) }));
    const worker = createWorker(clock, store, { onMismatch, identityRevision: 1 });
    const outcome = await settled(
      clock,
      worker.renew().catch((error: ImsvaultError) => error),
    );
    expect((outcome as ImsvaultError).code).toBe(code);
    expect(worker.exchanges).toBe(exchanges);
    expect(store.document).toMatchObject({ generation, unknown: { note: 'kept' } });
    const mine = store.document?.token?.accessToken;
    expect(mine !== undefined && reveal(mine).startsWith('fake-token')).toBe(onMismatch === 'replace');
  });

  it.each(['exchange', 'replace'] as const)('a newer major version is read, never written (%s)', async (onMismatch) => {
    const { clock, store } = setUp();
    store.holds(documentOf({ readOnly: true, token: published(clock.now()) }));
    const reader = createWorker(clock, store, { onMismatch });
    expect((await settled(clock, reader.renew())).accessToken).toContain('published-');
    await clock.advance(HOUR);
    await settled(clock, reader.renew());
    expect(reader.events.at(-2)).toBe('uncoordinated');
    store.holds(documentOf({ ...foreign, readOnly: true }));
    await settled(clock, createWorker(clock, store, { onMismatch }).renew());
    expect(store.writes).toEqual([]);
  });
});
