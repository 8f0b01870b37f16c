import { type Clock, sleep } from '../../clock.js';
import type { ElectedEntry } from '../../secret/provider.js';
import { electionState } from './claim-election.js';
import type { DocumentAccess } from './document-access.js';
import type { SharedFailure } from './token-document.js';
import { type ClaimResult, type Coordination, isFinal, putUnlessOvertaken } from './token-store.js';

/** Stores know whole seconds: entries of one second may still come until it is over, and are seen a while later. */
const SETTLED_AFTER_MS = 2000;
/** Looks at the store's clock until it has passed that moment. */
const MAX_LOOKS = 5;
/** An entry that nobody acts on keeps all others waiting, so a single lost answer must not end the attempt. */
const TRIES = 3;
const PAUSE_MS = 250;

/**
 * Claims stand beside the document, in a list to which the store only adds; the document holds published tokens only.
 * @returns undefined where the store has no election
 */
export function claimByElection(access: DocumentAccess, clock: Clock): Coordination | undefined {
  const { election } = access;
  if (election === undefined) return undefined;
  const { enter, list } = election;

  async function insist<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (tries === TRIES || isFinal(error)) throw error;
        await sleep(clock, PAUSE_MS, signal);
      }
    }
  }

  /** An entry whose answer was lost may stand in the list all the same. */
  async function enterOnce(id: string, ttlMs: number, generation: number, signal: AbortSignal): Promise<ElectedEntry> {
    try {
      return await enter({ generation, id, ttlMs }, signal);
    } catch (error) {
      signal.throwIfAborted();
      const seen = await insist((bounded) => list(generation, bounded), signal).catch(() => undefined);
      const mine = seen?.entries.find((entry) => entry.id === id);
      if (mine === undefined) throw error;
      return mine;
    }
  }

  return {
    kind: 'election',
    async claim({ id, ttlMs, base, past }, signal): Promise<ClaimResult> {
      const { generation } = base;
      const before = await list(generation, signal);
      const standing = standingIn(before.entries, before.serverTime, past);
      if (standing !== undefined) return standing;
      const claimedAt = clock.monotonic();
      const mine = await enterOnce(id, ttlMs, generation, signal);
      const settledAt = Math.floor(mine.createdAt / 1000) * 1000 + SETTLED_AFTER_MS;
      let storeTime = mine.createdAt;
      for (let looks = 1; storeTime < settledAt; looks++) {
        if (looks > MAX_LOOKS) return { kind: 'lost' };
        await sleep(clock, settledAt - storeTime, signal);
        const seen = await insist((bounded) => list(generation, bounded), signal);
        storeTime = seen.serverTime;
        if (electionState(seen.entries, storeTime).leader?.id !== id) {
          return standingIn(seen.entries, storeTime, past) ?? { kind: 'lost' };
        }
      }
      // Whoever was slow may have published meanwhile.
      const now = await insist(access.read, signal);
      if (now.document !== undefined && now.document.generation > generation) return { kind: 'lost' };
      const lastFailure = sharedBy(electionState(before.entries, before.serverTime).failure);
      const { lastFailure: _old, ...rest } = base;
      const counted = lastFailure === undefined ? rest : { ...rest, lastFailure };
      return { kind: 'won', claim: { id, ttlMs, base: counted, claimedAt, versionId: now.id } };
    },
    async shareFailure({ id, ttlMs, base }, { id: failureId, ...failure }, signal) {
      const entry = { generation: base.generation, id: failureId, ttlMs };
      await enter({ ...entry, failure: { claimId: id, ...failure } }, signal);
    },
    ...putUnlessOvertaken(access),
  };
}

/** What there is to wait for: a claim that holds, or a failure whose pause is not over by the store's clock. */
function standingIn(
  entries: readonly ElectedEntry[],
  serverTime: number,
  past: string | undefined,
): ClaimResult | undefined {
  const { leader, failure } = electionState(entries, serverTime);
  if (leader !== undefined) return { kind: 'wait', leftMs: leader.ttlMs - (serverTime - leader.createdAt) };
  const shared = sharedBy(failure);
  if (failure === undefined || shared === undefined || shared.id === past) return undefined;
  const leftMs = shared.retryAfterMs - (serverTime - failure.createdAt);
  return leftMs > 0 ? { kind: 'wait', leftMs, failure: shared } : undefined;
}

function sharedBy(entry: ElectedEntry | undefined): SharedFailure | undefined {
  if (entry?.failure === undefined) return undefined;
  const { claimId: _claim, ...shared } = entry.failure;
  return { id: entry.id, ...shared };
}
