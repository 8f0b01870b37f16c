import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../../src/errors.js';
import { type Redacted, redact, reveal } from '../../../src/redacted.js';
import type { SecretProvider, SecretVersion, WriteOptions } from '../../../src/secret/provider.js';
import { createDocumentAccess } from '../../../src/token/fleet/document-access.js';
import { serializeTokenDocument } from '../../../src/token/fleet/token-document.js';
import { createManualClock } from '../../support/manual-clock.js';
import { documentOf, published, settled } from './fixture.js';

type Ref = { path: string };
const ref = { path: 'ims/token' };
const signal = new AbortController().signal;

function setUp(methods: Partial<SecretProvider<Ref>> = {}, create = true) {
  const clock = createManualClock();
  const provider: SecretProvider<Ref> = {
    name: 'fake',
    describe: ({ path }) => `${path} in fake`,
    readSecret: async () => ({ value: serializeTokenDocument(documentOf()), id: '3' }),
    ...methods,
  };
  return { clock, store: createDocumentAccess({ provider, ref, clock, timeoutMs: 10_000, create }) };
}

describe('reading', () => {
  it('gives the document and its id, past every cache', async () => {
    const options: unknown[] = [];
    const { store } = setUp({
      readSecret: async (_, given): Promise<SecretVersion> => {
        options.push(given?.fresh);
        return { value: serializeTokenDocument(documentOf({ generation: 4 })), id: '9' };
      },
    });
    expect(await store.read(signal)).toMatchObject({ document: { generation: 4 }, id: '9', clockOffsetMs: 0 });
    expect(options).toEqual([true]);
  });

  it('takes not found for no document, and nothing else', async () => {
    const failing = (code: 'ERR_SECRET_NOT_FOUND' | 'ERR_SECRET_ACCESS_DENIED' | 'ERR_SECRET_UNAVAILABLE') =>
      setUp({ readSecret: () => Promise.reject(new ImsvaultError(code, 'x')) }).store.read(signal);
    expect(await failing('ERR_SECRET_NOT_FOUND')).toEqual({ id: null, clockOffsetMs: 0 });
    for (const code of ['ERR_SECRET_ACCESS_DENIED', 'ERR_SECRET_UNAVAILABLE'] as const) {
      await expect(failing(code)).rejects.toMatchObject({ code });
    }
  });

  it('takes an answer that was under way while the machine slept for as old as it may be', async () => {
    const { clock, store } = setUp({
      async readSecret() {
        const answer = { value: serializeTokenDocument(documentOf()), id: '1', serverTime: clock.now() + 60_000 };
        clock.jump(7_200_000);
        return answer;
      },
    });
    expect((await store.read(signal)).clockOffsetMs).toBe(60_000);
  });

  it('counts how long an answer took from when it was asked for, by both clocks', async () => {
    const { clock, store } = setUp({
      async readSecret() {
        const answer = { value: serializeTokenDocument(documentOf()), id: '1', serverTime: clock.now() + 60_000 };
        await clock.advance(3000);
        clock.jump(-10_000);
        return answer;
      },
    });
    await clock.advance(500_000);
    expect((await store.read(signal)).clockOffsetMs).toBe(60_000 + 10_000);
  });

  it.each([
    [2000, 0],
    [-2000, 0],
    [2001, 2001],
    [-600_000, -600_000],
  ])('a server that is %d ms ahead gives an offset of %d ms', async (ahead, offset) => {
    const { clock, store } = setUp({
      readSecret: async () => ({
        value: serializeTokenDocument(documentOf()),
        id: '1',
        serverTime: clock.now() + ahead,
      }),
    });
    expect((await store.read(signal)).clockOffsetMs).toBe(offset);
  });

  it('judges the document by the server’s clock', async () => {
    const tenYears = 10 * 365 * 24 * 3_600_000;
    const { clock, store } = setUp({
      readSecret: async () => ({
        value: serializeTokenDocument(documentOf({ token: published(clock.now() + tenYears) })),
        id: '1',
        serverTime: clock.now() + tenYears,
      }),
    });
    expect((await store.read(signal)).document?.token).toBeDefined();
  });

  it('names its place, not its content, when that is no token document', async () => {
    const { store } = setUp({ readSecret: async () => ({ value: redact('{"client_secret":"p8e-x"}'), id: '1' }) });
    const error = await store.read(signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
    expect(String(error)).toContain('ims/token in fake');
    expect(String(error)).not.toContain('p8e');
  });

  it('is unavailable when no answer comes', async () => {
    const { clock, store } = setUp({ readSecret: () => new Promise(() => undefined) });
    await expect(settled(clock, store.read(signal))).rejects.toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      message: 'ims/token in fake: no answer within 10000 ms',
    });
    expect(clock.monotonic()).toBe(10_000);
  });
});

describe('writing', () => {
  const unused = (): never => {
    throw new Error('not to be called');
  };

  it('swaps where the provider can, and tells whether it may create', async () => {
    for (const create of [true, false]) {
      const calls: unknown[] = [];
      const { store } = setUp(
        {
          replaceSecret: async (_: Ref, value: Redacted<string>, expected: string | null, options?: WriteOptions) => {
            calls.push([JSON.parse(reveal(value)).generation, expected, options?.create]);
            return { id: '4' };
          },
          putSecret: unused,
        },
        create,
      );
      expect(await store.replace?.(documentOf({ generation: 2 }), '3', signal)).toBe('4');
      expect(calls).toEqual([[2, '3', create]]);
    }
  });

  it('puts where it cannot swap', async () => {
    const options: (WriteOptions | undefined)[] = [];
    const { store } = setUp({
      putSecret: async (_ref, _value, given) => {
        options.push(given);
        return { id: '5' };
      },
    });
    expect(store.replace).toBeUndefined();
    expect(await store.put(documentOf(), signal)).toBeUndefined();
    expect(options).toEqual([{ signal: expect.any(AbortSignal), create: true }]);
  });

  it('is denied where the provider only reads', async () => {
    await expect(setUp().store.put(documentOf(), signal)).rejects.toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: 'ims/token in fake: the provider fake cannot write',
    });
  });

  it('claims and annotates where the provider can, within the same time', async () => {
    const calls: unknown[] = [];
    const { store, clock } = setUp({
      claimSpreadMs: 2000,
      writeIntervalMs: 5000,
      election: {
        enter: async (...call) => {
          calls.push(call);
          return { ...entry, createdAt: 1, versionId: 'v' };
        },
        list: (...call) => {
          calls.push(call);
          return new Promise(() => undefined);
        },
      },
      async annotateSecret(...call) {
        calls.push([this.name, ...call]);
      },
    });
    const entry = { generation: 1, id: 'i', ttlMs: 1 };
    const metadata = { expiresAt: 1, generation: 1, clientId: 'c' };
    const within = expect.any(AbortSignal);
    expect([store.claimSpreadMs, store.writeIntervalMs]).toEqual([2000, 5000]);
    expect(await store.election?.enter(entry, signal)).toMatchObject({ versionId: 'v' });
    await store.annotate?.(metadata, signal);
    const listing = expect(store.election?.list(1, signal)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    await clock.advance(10_000);
    await listing;
    expect(calls).toEqual([
      [ref, entry, { signal: within, create: true }],
      ['fake', ref, metadata, { signal: within }],
      [ref, 1, { signal: within }],
    ]);
  });

  it('has no more than the provider has', () => {
    const { store } = setUp();
    expect(Object.keys(store).sort()).toEqual(['claimSpreadMs', 'place', 'put', 'read', 'writeIntervalMs']);
    expect([store.claimSpreadMs, store.writeIntervalMs]).toEqual([0, 0]);
  });

  it('sends nothing that readers would refuse', async () => {
    const { clock, store } = setUp({ replaceSecret: unused });
    for (const document of [
      documentOf({ unknown: { padding: 'x'.repeat(16 * 1024) } }),
      documentOf({ generation: 2 ** 53 }),
      documentOf({ token: published(clock.now(), { accessToken: redact('a\nb') }) }),
    ]) {
      await expect(store.replace?.(document, null, signal)).rejects.toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
    }
  });

  it('is unavailable, not in conflict, when no answer comes', async () => {
    const { clock, store } = setUp({ replaceSecret: () => new Promise(() => undefined) });
    await expect(settled(clock, store.replace?.(documentOf(), '3', signal) as Promise<string>)).rejects.toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
    });
  });

  it('ends with the caller’s reason', async () => {
    const controller = new AbortController();
    const { store } = setUp({ replaceSecret: () => new Promise(() => undefined) });
    const write = store.replace?.(documentOf(), '3', controller.signal);
    controller.abort(new Error('enough'));
    await expect(write).rejects.toThrow('enough');
  });
});
