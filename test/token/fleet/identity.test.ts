import { describe, expect, it } from 'vitest';
import type { ImsvaultError } from '../../../src/errors.js';
import { reveal } from '../../../src/redacted.js';
import { fakeToken } from '../../support/fake-token.js';
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

describe('a document of this identity with a token of another client than the one that is fixed', () => {
  const theirs = (now: number) => documentOf({ generation: 3, token: published(now, { clientId: 'other' }) });

  it('is refused by a consumer', async () => {
    const { clock, store } = setUp();
    store.holds(theirs(clock.now()));
    const consumer = createWorker(clock, store, { consumer: true, clientId: 'client' });
    await expect(settled(clock, consumer.renew(), 0)).rejects.toMatchObject({ code: 'ERR_TOKEN_DOCUMENT_MISMATCH' });
    const any = createWorker(clock, store, { consumer: true });
    expect((await settled(clock, any.renew())).clientId).toBe('other');
  });

  it('is one that a consumer of that client takes, and waits for where there is none yet', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 2 }));
    const consumer = createWorker(clock, store, { consumer: true, clientId: 'other' });
    const renewal = consumer.renew();
    await clock.advance(1000);
    store.holds(theirs(clock.now()));
    expect((await settled(clock, renewal)).clientId).toBe('other');
  });

  it('gets the next generation from whoever can renew', async () => {
    const { clock, store } = setUp();
    store.holds(theirs(clock.now()));
    const worker = createWorker(clock, store, { clientId: fakeToken(0, 1).clientId });
    const token = await settled(clock, worker.renew());
    expect(store.document).toMatchObject({ generation: 4, token: { clientId: token.clientId } });
    expect([worker.exchanges, worker.warnings]).toEqual([1, []]);
  });
});

describe('identity revisions', () => {
  it.each([
    [1, 2, true],
    [2, 2, false],
    [3, 2, false],
  ])('a document of revision %d gives way to revision %d: %s', async (theirs, ours, gives) => {
    const { clock, store } = setUp();
    const foreign = { identity: 'y'.repeat(43), identityRevision: theirs };
    store.holds(documentOf({ ...foreign, token: published(clock.now()) }));
    const worker = createWorker(clock, store, { onMismatch: 'replace', identityRevision: ours });
    await settled(clock, worker.renew());
    expect(store.document?.identityRevision).toBe(gives ? ours : theirs);
    expect(worker.events.includes('identity-mismatch')).toBe(!gives);
    expect(worker.warnings).toHaveLength(gives ? 0 : 1);
  });

  it('two that both replace do not take turns', async () => {
    const { clock, store } = setUp();
    const one = createWorker(clock, store, { onMismatch: 'replace', identityRevision: 1 });
    const two = createWorker(clock, store, { identity: 'z'.repeat(43), onMismatch: 'replace', identityRevision: 2 });
    for (const worker of [one, two, one, two]) await settled(clock, worker.renew());
    expect([store.document?.identity, store.document?.generation]).toEqual(['z'.repeat(43), 2]);
  });

  it('keeps the higher one of its own identity', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ identityRevision: 5 }));
    await settled(clock, createWorker(clock, store, { identityRevision: 1 }).renew());
    expect(store.document).toMatchObject({ generation: 2, identityRevision: 5 });
  });
});

describe('a credential of another client than the document’s', () => {
  it('makes the next generation, which all others adopt with its client', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now(), { clientId: 'old-client' }) }));
    const [renewer, other] = [createWorker(clock, store), createWorker(clock, store)];
    const held = await Promise.all([renewer.renew(), other.renew()]);
    expect(held.map(({ clientId }) => clientId)).toEqual(['old-client', 'old-client']);
    // The default exchange gives a token of the client "client".
    const renewed = await settled(clock, renewer.renew({ forced: held[0] as never }));
    expect(store.document).toMatchObject({ generation: 2, token: { clientId: 'client' } });
    const adopted = await settled(clock, other.renew({ usable: held[1] as never }));
    expect([renewed.clientId, adopted.clientId, renewer.exchanges + other.exchanges]).toEqual(['client', 'client', 1]);
  });
});
