import { describe, expect, it } from 'vitest';
import type { ElectedEntry } from '../../../src/secret/provider.js';
import { electionState } from '../../../src/token/fleet/claim-election.js';

const TTL = 20_000;
const entry = (id: string, createdAt: number, versionId = id): ElectedEntry => ({
  ...{ generation: 1, id, ttlMs: TTL, createdAt, versionId },
});
const failureOf = (claimId: string, createdAt: number): ElectedEntry => ({
  ...entry(`failure of ${claimId}`, createdAt),
  failure: { claimId, code: 'invalid_client', retryAfterMs: 300_000, count: 1 },
});
const leaderOf = (entries: ElectedEntry[], serverTime: number) => electionState(entries, serverTime).leader?.id;

describe('the leader of an election', () => {
  it('is the earliest entry, in whatever order they come; of one second the one with the lower version', () => {
    const entries = [entry('c', 2000), entry('b', 1000, 'y'), entry('a', 1000, 'z')];
    for (const order of [entries, [...entries].reverse()]) expect(leaderOf(order, 3000)).toBe('b');
  });

  it('is dead after its ttl by the store’s clock; the next one follows', () => {
    const entries = [entry('a', 1000), entry('b', 2000)];
    expect(leaderOf(entries, 1000 + TTL - 1)).toBe('a');
    expect(leaderOf(entries, 1000 + TTL)).toBe('b');
    expect(leaderOf(entries, 2000 + TTL)).toBeUndefined();
  });

  it('is over with its failure, and so are those that had lost against it', () => {
    const entries = [entry('a', 1000), entry('b', 2000), failureOf('a', 6000)];
    expect(leaderOf(entries, 6000)).toBeUndefined();
    expect(leaderOf([...entries, entry('c', 7000)], 7000)).toBe('c');
    expect(electionState(entries, 6000).failure?.id).toBe('failure of a');
  });

  it('is no failure, and there is none where there is no claim', () => {
    expect(electionState([], 1000)).toStrictEqual({});
    expect(electionState([entry('a', 1000)], 1000)).toStrictEqual({ leader: entry('a', 1000) });
    const late = failureOf('a', 1000 + TTL + 3000);
    expect(electionState([entry('a', 1000), late], 1000 + TTL + 3000)).toStrictEqual({ failure: late });
  });

  it('is over with the failure of one that it had lost against, however many came before', () => {
    const entries = [entry('a', 1000), entry('b', 30_000), entry('c', 30_500), failureOf('b', 31_000)];
    expect(leaderOf(entries, 31_000)).toBeUndefined();
  });

  it('is not ended by the failure of a claim that nobody knows', () => {
    expect(leaderOf([entry('b', 1000), failureOf('gone', 2000)], 2000)).toBe('b');
  });

  it('is not ended by the late failure of a claim that was dead when it entered', () => {
    const entries = [entry('a', 1000), entry('b', 1000 + TTL), failureOf('a', 1000 + TTL + 3000)];
    expect(leaderOf(entries, 1000 + TTL + 3000)).toBe('b');
  });

  it('is ended by its failure even in the second of its entry', () => {
    const failure = { ...failureOf('b', 1000), versionId: 'a' };
    expect(leaderOf([entry('b', 1000), failure], 1000)).toBeUndefined();
  });
});
