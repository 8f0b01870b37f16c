import { describe, expect, it } from 'vitest';
import { ImsvaultError, TokenRequestRejectedError } from '../../src/errors.js';
import { reveal } from '../../src/redacted.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock } from '../support/manual-clock.js';
import {
  createFakeStore,
  createWorker,
  documentOf,
  HOUR,
  published,
  settled,
  TTL,
  unavailable,
} from './fleet-fixture.js';

function setUp() {
  const clock = createManualClock();
  const store = createFakeStore(clock);
  return { clock, store };
}
const claimBy = (id: string) => ({ renewal: { id, ttlMs: TTL } });
const serverError = () => new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is away');

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

describe('rule 2: claim, exchange, publish', () => {
  it('claims the next generation with a new id each time, and publishes on its own claim', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    const first = store.document?.token?.publishId;
    await clock.advance(HOUR);
    await settled(clock, worker.renew());
    const [claimA, publishA, claimB, publishB] = store.writes;
    expect(claimA?.document.renewal?.id).toMatch(/^id-/);
    expect(claimB?.document.renewal?.id).not.toBe(claimA?.document.renewal?.id);
    expect([claimA?.expected, publishA?.expected, claimB?.expected, publishB?.expected]).toEqual([null, '1', '2', '3']);
    expect(publishB?.document).toMatchObject({ generation: 2 });
    expect(publishB?.document.renewal).toBeUndefined();
    expect(publishB?.document.token?.publishId).not.toBe(first);
  });

  it('lets one of many exchange, and the others adopt its token', async () => {
    const { clock, store } = setUp();
    const workers = Array.from({ length: 20 }, () => createWorker(clock, store));
    const tokens = await settled(clock, Promise.all(workers.map((worker) => worker.renew())));
    expect(workers.reduce((sum, { exchanges }) => sum + exchanges, 0)).toBe(1);
    expect(new Set(tokens.map((token) => token.accessToken)).size).toBe(1);
  });

  it('sends who holds a usable token away while another renews', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('other')));
    const usable = fakeToken(clock.now(), 3600);
    const worker = createWorker(clock, store);
    const error = await settled(
      clock,
      worker.renew({ usable }).catch((thrown: unknown) => thrown),
    );
    expect(error).toMatchObject({ code: 'ERR_TOKEN_WAIT_TIMEOUT', retryAfterMs: TTL / 4 });
    expect([worker.exchanges, store.reads]).toEqual([0, 1]);
  });

  it('gives a due token to who holds none while another renews', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - HOUR + 120_000), ...claimBy('other') }));
    const worker = createWorker(clock, store);
    const token = await settled(clock, worker.renew());
    expect(token.accessToken).toContain('published-');
    expect([worker.exchanges, store.reads]).toEqual([0, 1]);
  });

  it('polls with growing, jittered pauses, each at most 2 s', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('other')));
    const moments: number[][] = [[], []];
    for (const [index, random] of [0, 0.9].entries()) {
      const one = createFakeStore(clock);
      one.holds(documentOf(claimBy('other')));
      one.onRead = () => moments[index]?.push(clock.monotonic());
      const started = clock.monotonic();
      await settled(clock, createWorker(clock, one, { random: () => random }).renew());
      moments[index] = (moments[index] as number[]).map((at) => at - started);
    }
    const [low, high] = moments as [number[], number[]];
    const pauses = low.slice(1).map((at, index) => at - (low[index] as number));
    expect(pauses[0]).toBeLessThanOrEqual(125);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2000);
    expect(low.slice(1, 4)).not.toEqual(high.slice(1, 4));
  });
});

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

describe('rule 4: a claim that stands still for its ttl is dead', () => {
  it('waits the whole ttl by its own monotonic clock, whatever the wall clock does', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('dead')));
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(TTL / 2);
    clock.jump(10 * HOUR);
    await clock.advance(TTL / 2 - 1);
    expect(worker.exchanges).toBe(0);
    await settled(clock, renewal, 5000);
    expect([worker.exchanges, store.document?.generation]).toEqual([1, 2]);
  });

  it('begins anew when the claim moves', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf(claimBy('one')));
    const worker = createWorker(clock, store);
    const renewal = worker.renew();
    await clock.advance(TTL - 1000);
    store.holds(documentOf(claimBy('two')));
    await clock.advance(TTL - 3000);
    expect(worker.exchanges).toBe(0);
    await settled(clock, renewal);
    expect(worker.exchanges).toBe(1);
  });

  it('heeds the ttl that the claim names', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ renewal: { id: 'brief', ttlMs: 1000 } }));
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew(), 2500);
    expect(worker.exchanges).toBe(1);
  });

  it('ends the exchange of the holder at 0.7 ttl, with an error of imsvault', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    let abortedAt = 0;
    worker.exchange = (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          abortedAt = clock.monotonic();
          reject(signal.reason);
        }),
      );
    const error = await settled(
      clock,
      worker.renew().catch((thrown: unknown) => thrown),
    );
    expect(error).toBeInstanceOf(ImsvaultError);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(abortedAt).toBe(0.7 * TTL);
    expect(store.document?.renewal).toBeUndefined();
  });

  it('never publishes but on its own claim: the loser adopts the document of the winner', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    worker.exchange = async () => {
      store.holds(documentOf({ generation: 5, token: published(clock.now() + 1) }));
      return { token: fakeToken(clock.now(), 3600), clockOffsetMs: 0 };
    };
    const token = await settled(clock, worker.renew());
    expect(worker.events).toEqual(['claimed', 'exchanged', 'publish-lost', 'adopted']);
    expect(token.accessToken).toContain('published-');
    expect(store.document?.generation).toBe(5);
  });

  it('keeps its own token when the winner has none yet', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    worker.exchange = async () => {
      store.holds(documentOf({ generation: 0, ...claimBy('other') }));
      return { token: fakeToken(clock.now(), 3600), clockOffsetMs: 0 };
    };
    const token = await settled(clock, worker.renew());
    expect(token.accessToken).toContain('fake-token');
    expect(store.document?.renewal?.id).toBe('other');
  });
});

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

describe('rule 6: failure is shared', () => {
  it('puts the failure in place of the claim, and nobody else tries before its pause is over', async () => {
    const { clock, store } = setUp();
    const failing = createWorker(clock, store);
    failing.exchange = () => Promise.reject(serverError());
    await expect(settled(clock, failing.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(store.document?.renewal).toBeUndefined();
    expect(store.document?.lastFailure).toMatchObject({ retryAfterMs: 1000, count: 1 });
    const other = createWorker(clock, store);
    await expect(settled(clock, other.renew())).rejects.toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' });
    await clock.advance(999);
    await expect(settled(clock, other.renew(), 0)).rejects.toMatchObject({ retryAfterMs: 1 });
    expect(other.exchanges).toBe(0);
    await clock.advance(1);
    await settled(clock, other.renew());
    expect(other.exchanges).toBe(1);
    expect(store.document?.lastFailure).toBeUndefined();
  });

  it('doubles the pause up to five minutes', async () => {
    const { clock, store } = setUp();
    const worker = createWorker(clock, store);
    worker.exchange = () => Promise.reject(serverError());
    const pauses: number[] = [];
    for (let round = 0; round < 11; round++) {
      await expect(settled(clock, worker.renew())).rejects.toThrow('IMS is away');
      pauses.push(store.document?.lastFailure?.retryAfterMs ?? 0);
      await worker.renew().catch(() => undefined);
      await clock.advance(pauses.at(-1) ?? 0);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1000));
  });

  it('waits five minutes after invalid_client, and five at most after any Retry-After', async () => {
    for (const [error, pause, code] of [
      [new TokenRequestRejectedError('no', { error: 'invalid_client', status: 400 }), 300_000, 'invalid_client'],
      [
        new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'busy', { retryAfterMs: 45_000 }),
        45_000,
        'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      ],
      [
        new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'busy', { retryAfterMs: 10 * HOUR }),
        300_000,
        'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      ],
    ] as const) {
      const { clock, store } = setUp();
      const worker = createWorker(clock, store);
      worker.exchange = () => Promise.reject(error);
      await expect(settled(clock, worker.renew())).rejects.toBe(error);
      expect(store.document?.lastFailure).toMatchObject({ retryAfterMs: pause, code });
    }
  });

  it('serves what is valid while the store is away', async () => {
    const { clock, store } = setUp();
    store.onRead = () => {
      throw unavailable();
    };
    const worker = createWorker(clock, store);
    const usable = fakeToken(clock.now(), 3600);
    await expect(settled(clock, worker.renew({ usable }))).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    expect([worker.exchanges, clock.monotonic()]).toEqual([0, 0]);
  });

  it('without a token and without the store, exchanges after 0–10 s at random, or fails where configured', async () => {
    for (const random of [0.1, 0.25, 0.999]) {
      const { clock, store } = setUp();
      store.onRead = () => {
        throw unavailable();
      };
      const worker = createWorker(clock, store, { random: () => random });
      const renewal = worker.renew();
      await clock.advance(random * 10_000 - 1);
      expect(worker.exchanges).toBe(0);
      await settled(clock, renewal, 100);
      expect(worker.exchanges).toBe(1);
      const strict = createWorker(clock, store, { onUnavailable: 'fail' });
      await expect(settled(clock, strict.renew(), 0)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
      expect(strict.exchanges).toBe(0);
    }
  });

  it('without compare-and-swap publishes only, and a failure takes nothing away', async () => {
    const { clock, store } = setUp();
    store.canSwap = false;
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect(worker.events).toEqual(['exchanged', 'published']);
    expect(store.document).toMatchObject({ generation: 1 });
    expect(store.writes).toHaveLength(1);
    await clock.advance(HOUR);
    worker.exchange = () => {
      store.holds(documentOf({ generation: 2, token: published(clock.now()) }));
      return Promise.reject(serverError());
    };
    await expect(settled(clock, worker.renew())).rejects.toThrow('IMS is away');
    expect(store.document?.token).toBeDefined();
    expect(store.writes).toHaveLength(1);
  });

  it('without compare-and-swap tries a failed publication again', async () => {
    const { clock, store } = setUp();
    store.canSwap = false;
    let failures = 1;
    store.onWrite = () => (failures-- > 0 ? { applied: false, error: unavailable() } : { applied: true });
    const worker = createWorker(clock, store);
    await settled(clock, worker.renew());
    expect([worker.events.at(-1), store.document?.generation]).toEqual(['published', 1]);
  });
});

describe('rule 7: a rejected token', () => {
  /** A worker that holds the document's token, of the given age. */
  async function holding(ageMs: number, fields = {}) {
    const { clock, store } = setUp();
    store.holds(documentOf({ token: published(clock.now() - ageMs), ...fields }));
    const worker = createWorker(clock, store);
    const rejected = await settled(clock, worker.renew());
    return { clock, store, worker, rejected };
  }

  it('is not renewed while it is younger than 60 s', async () => {
    const young = await holding(59_000);
    expect(await settled(young.clock, young.worker.renew({ rejected: young.rejected }))).toBe(young.rejected);
    expect(young.worker.exchanges).toBe(0);
    const old = await holding(60_000);
    expect(await settled(old.clock, old.worker.renew({ rejected: old.rejected }))).not.toBe(old.rejected);
    expect([old.worker.exchanges, old.store.document?.rejectionRenewedAt]).toEqual([1, old.clock.now()]);
  });

  it('is renewed at most once per five minutes in the whole fleet', async () => {
    const { clock, store, worker, rejected } = await holding(120_000);
    let token = await settled(clock, worker.renew({ rejected }));
    await clock.advance(200_000);
    expect(await settled(clock, worker.renew({ rejected: token }))).toBe(token);
    const other = createWorker(clock, store);
    const theirs = await settled(clock, other.renew());
    expect(await settled(clock, other.renew({ rejected: theirs }))).toBe(theirs);
    expect(worker.exchanges + other.exchanges).toBe(1);
    await clock.advance(100_000);
    token = await settled(clock, worker.renew({ rejected: token }));
    expect(worker.exchanges).toBe(2);
  });

  it('is replaced by a newer generation where there is one', async () => {
    const { clock, store, worker, rejected } = await holding(120_000);
    store.holds(documentOf({ generation: 2, token: published(clock.now()) }));
    const token = await settled(clock, worker.renew({ rejected }));
    expect([worker.exchanges, token.accessToken]).toEqual([0, `published-${clock.now()}`]);
  });

  it('costs one exchange for all who report the same one at once', async () => {
    const { clock, store, worker, rejected } = await holding(120_000);
    const others = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const other = createWorker(clock, store);
        return { other, held: await other.renew() };
      }),
    );
    const tokens = await settled(
      clock,
      Promise.all([worker.renew({ rejected }), ...others.map(({ other, held }) => other.renew({ rejected: held }))]),
    );
    expect(worker.exchanges + others.reduce((sum, { other }) => sum + other.exchanges, 0)).toBe(1);
    expect(new Set(tokens.map((token) => token.accessToken)).size).toBe(1);
  });

  it('does not wait for a moment in the future that a wrong clock wrote', async () => {
    const { clock, worker, rejected } = await holding(120_000, { rejectionRenewedAt: Date.UTC(2200, 0, 1) });
    await settled(clock, worker.renew({ rejected }));
    expect(worker.exchanges).toBe(1);
  });

  it('keeps both limits where no document can record them', async () => {
    const { clock, store } = setUp();
    store.onRead = () => {
      throw unavailable();
    };
    const worker = createWorker(clock, store);
    let token = await settled(clock, worker.renew());
    expect(await settled(clock, worker.renew({ rejected: token }))).toBe(token);
    await clock.advance(60_000);
    token = await settled(clock, worker.renew({ rejected: token }));
    expect(worker.exchanges).toBe(2);
    await clock.advance(120_000);
    expect(await settled(clock, worker.renew({ rejected: token }))).toBe(token);
    expect(worker.exchanges).toBe(2);
  });

  it('a forced renewal makes a newer generation than the store’s, once for all at the same time', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 4, token: published(clock.now()) }));
    const workers = [createWorker(clock, store), createWorker(clock, store), createWorker(clock, store)];
    await settled(clock, Promise.all(workers.map((worker) => worker.renew({ forced: true }))));
    expect([workers.reduce((sum, { exchanges }) => sum + exchanges, 0), store.document?.generation]).toEqual([1, 5]);
  });
});

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
});

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

describe('generations', () => {
  it('refuses a rise by more than 1,000 within an hour', async () => {
    for (const [rise, afterMs, accepted] of [
      [1000, 0, true],
      [1001, 0, false],
      [1001, HOUR, true],
    ] as const) {
      const { clock, store } = setUp();
      store.holds(documentOf({ generation: 7, token: published(clock.now()) }));
      const worker = createWorker(clock, store);
      const usable = await settled(clock, worker.renew());
      await clock.advance(afterMs);
      store.holds(documentOf({ generation: 7 + rise, token: published(clock.now() + 1) }));
      const next = settled(clock, worker.renew({ usable }));
      if (accepted) expect((await next).accessToken).toBe(`published-${clock.now() + 1}`);
      else await expect(next).rejects.toMatchObject({ code: 'ERR_SECRET_MALFORMED' });
    }
  });

  it('goes on rising after the store was set back, at one exchange', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 50, token: published(clock.now()) }));
    const workers = [createWorker(clock, store), createWorker(clock, store), createWorker(clock, store)];
    const held = await Promise.all(workers.map((worker) => worker.renew()));
    await clock.advance(0.9 * HOUR);
    store.holds(documentOf({ generation: 5, token: published(clock.now() - 10 * HOUR) }));
    const [first, ...rest] = workers.map(
      (worker, index) => () => settled(clock, worker.renew({ usable: held[index] as never })),
    );
    await first?.();
    expect(store.document?.generation).toBe(51);
    for (const renew of rest) await renew();
    expect(workers.reduce((sum, { exchanges }) => sum + exchanges, 0)).toBe(1);
  });

  it('a token that lives longer is adopted from a store that was set back', async () => {
    const { clock, store } = setUp();
    store.holds(documentOf({ generation: 50, token: published(clock.now()) }));
    const worker = createWorker(clock, store);
    const usable = await settled(clock, worker.renew());
    await clock.advance(0.9 * HOUR);
    store.holds(documentOf({ generation: 5, token: published(clock.now()) }));
    const token = await settled(clock, worker.renew({ usable }));
    expect([worker.exchanges, token.accessToken]).toEqual([0, `published-${clock.now()}`]);
  });
});

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
