import { describe, expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../../src/errors.js';
import type { ElectedEntry } from '../../../src/secret/provider.js';
import { claimByElection } from '../../../src/token/fleet/claim-by-election.js';
import type { DocumentAccess, StoredDocument } from '../../../src/token/fleet/document-access.js';
import type { TokenDocument } from '../../../src/token/fleet/token-document.js';
import { createManualClock } from '../../support/manual-clock.js';
import { documentOf, settled, unavailable } from './fixture.js';

const TTL = 20_000;
const signal = new AbortController().signal;
const other: ElectedEntry = { generation: 0, id: 'other', ttlMs: TTL, createdAt: 10_000, versionId: 'a' };
const failureOf = (claimId: string, createdAt: number): ElectedEntry => ({
  ...{ generation: 0, id: 'failure', ttlMs: TTL, createdAt, versionId: 'b' },
  failure: { claimId, code: 'ERR_X', retryAfterMs: 9000, count: 2 },
});

/** An election whose clock, `serverTime`, tests move as they like; it runs on with the manual clock. */
function setUp(entries: ElectedEntry[] = [], startMs = 15_000) {
  const clock = createManualClock();
  const serverTime = vi.fn(() => startMs + clock.monotonic());
  const enter = vi.fn(async (entry: { id: string; generation: number; ttlMs: number }): Promise<ElectedEntry> => {
    const entered = { ...entry, createdAt: serverTime(), versionId: 'm' };
    entries.push(entered);
    return entered;
  });
  const list = vi.fn(async () => ({ entries: [...entries], serverTime: serverTime() }));
  const read = vi.fn(async (): Promise<StoredDocument> => ({ id: '7', clockOffsetMs: 0 }));
  const access: DocumentAccess = {
    place: 'x',
    claimSpreadMs: 0,
    writeIntervalMs: 0,
    read,
    put: async () => undefined,
    election: { enter, list },
  };
  const coordination = claimByElection(access, clock);
  const claim = (base: TokenDocument = documentOf({ generation: 0 }), past?: string) =>
    settled(
      clock,
      coordination?.claim({ id: 'mine', ttlMs: TTL, base, versionId: null, past }, signal) as Promise<unknown>,
    );
  return { clock, serverTime, enter, list, read, coordination, claim };
}

describe('a claim by election', () => {
  it('is of its kind, and there is none where the store has no election', () => {
    const { coordination, clock } = setUp();
    expect(coordination?.kind).toBe('election');
    const access = { place: 'x', claimSpreadMs: 0, writeIntervalMs: 0, read: vi.fn(), put: vi.fn() };
    expect(claimByElection(access, clock)).toBeUndefined();
  });

  it('waits for another’s for as long as that holds by the store’s clock', async () => {
    const { claim, enter } = setUp([other]);
    expect(await claim()).toEqual({ kind: 'wait', leftMs: 15_000 });
    expect(enter).not.toHaveBeenCalled();
  });

  it('waits out a failure, unless that is over or not to be waited for', async () => {
    const failed = () => [other, failureOf('other', 11_000)];
    const shared = { id: 'failure', code: 'ERR_X', retryAfterMs: 9000, count: 2 };
    expect(await setUp(failed()).claim()).toEqual({ kind: 'wait', leftMs: 5000, failure: shared });
    expect(await setUp(failed()).claim(undefined, 'failure')).toMatchObject({ kind: 'won' });
    expect(await setUp(failed(), 20_000).claim()).toMatchObject({ kind: 'won' });
  });

  it('is won two seconds after the second of its entry, and builds on the version that stands then', async () => {
    const { claim, clock } = setUp([], 15_400);
    const base = documentOf({ generation: 0, lastFailure: { id: 'old', code: 'ERR_X', retryAfterMs: 1, count: 9 } });
    const { lastFailure: _old, ...withoutFailure } = base;
    expect(await claim(base)).toStrictEqual({
      kind: 'won',
      claim: { id: 'mine', ttlMs: TTL, base: withoutFailure, claimedAt: 0, versionId: '7' },
    });
    expect(clock.monotonic()).toBeGreaterThanOrEqual(1600);
  });

  it('counts on from the last failure of its generation', async () => {
    const { claim } = setUp([other, failureOf('other', 11_000)], 40_000);
    expect(await claim()).toMatchObject({ claim: { base: { lastFailure: { id: 'failure', count: 2 } } } });
  });

  it('is lost where the store’s clock stands still', async () => {
    const { claim, serverTime, list } = setUp();
    serverTime.mockReturnValue(15_000);
    expect(await claim()).toEqual({ kind: 'lost' });
    expect(list).toHaveBeenCalledTimes(1 + 5);
  });

  it('is lost where it died before it was settled, and waits where an earlier one appears', async () => {
    const late = setUp();
    late.serverTime
      .mockReturnValueOnce(15_000)
      .mockReturnValueOnce(15_000)
      .mockReturnValue(15_000 + TTL);
    expect(await late.claim()).toEqual({ kind: 'lost' });
    const second = setUp();
    const { enter } = second;
    const entries: ElectedEntry[] = [];
    second.list.mockImplementation(async () => ({ entries: [...entries], serverTime: second.serverTime() }));
    enter.mockImplementation(async (entry) => {
      const mine = { ...entry, createdAt: 15_000, versionId: 'm' };
      entries.push(mine, { ...other, createdAt: 15_000 });
      return mine;
    });
    expect(await second.claim()).toMatchObject({ kind: 'wait' });
  });

  it('is lost where the next generation was published meanwhile, not where the same one stands there', async () => {
    const { claim, read } = setUp();
    read.mockResolvedValue({ id: '8', clockOffsetMs: 0, document: documentOf({ generation: 1 }) });
    expect(await claim()).toEqual({ kind: 'lost' });
    const same = setUp();
    same.read.mockResolvedValue({ id: '8', clockOffsetMs: 0, document: documentOf({ generation: 0 }) });
    expect(await same.claim()).toMatchObject({ kind: 'won', claim: { versionId: '8' } });
  });

  it('looks three times, and once where trying again cannot help', async () => {
    const { claim, read } = setUp();
    read.mockRejectedValue(unavailable());
    await expect(claim()).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    expect(read).toHaveBeenCalledTimes(3);
    const denied = setUp();
    denied.read.mockRejectedValue(new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no'));
    await expect(denied.claim()).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
    expect(denied.read).toHaveBeenCalledTimes(1);
  });

  it('throws why it could not enter where its entry is not in the list, or the list cannot be had', async () => {
    const why = new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'no answer');
    const { claim, enter, list } = setUp();
    enter.mockRejectedValue(why);
    list.mockResolvedValueOnce({ entries: [], serverTime: 15_000 });
    list.mockResolvedValueOnce({ entries: [{ ...other, createdAt: 15_000 }], serverTime: 15_000 });
    await expect(claim()).rejects.toBe(why);
    list.mockResolvedValueOnce({ entries: [], serverTime: 15_000 });
    list.mockRejectedValue(unavailable());
    await expect(claim()).rejects.toBe(why);
  });
});
