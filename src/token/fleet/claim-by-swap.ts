import type { Clock } from '../../clock.js';
import type { DocumentAccess } from './document-access.js';
import type { ClaimResult, Coordination } from './token-store.js';

/** Claims stand in the document itself, put there by compare-and-swap. @returns undefined where the store has none */
export function claimBySwap({ read, replace }: DocumentAccess, clock: Clock): Coordination | undefined {
  if (replace === undefined) return undefined;
  return {
    kind: 'compare-and-swap',
    async claim({ id, ttlMs, base, versionId }, signal): Promise<ClaimResult> {
      const claimedAt = clock.monotonic();
      const won = (version: string | null): ClaimResult => ({
        kind: 'won',
        claim: { id, ttlMs, base, claimedAt, versionId: version },
      });
      try {
        return won(await replace({ ...base, renewal: { id, ttlMs } }, versionId, signal));
      } catch (error) {
        signal.throwIfAborted();
        // A win whose answer was lost looks like a loss: only reading tells.
        const seen = await read(signal).catch(() => undefined);
        if (seen?.document?.renewal?.id === id) return won(seen.id);
        throw error;
      }
    },
    async shareFailure({ base, versionId }, lastFailure, signal) {
      await replace({ ...base, lastFailure }, versionId, signal);
    },
    async write(document, over, signal) {
      await replace(document, over, signal);
      return undefined;
    },
    isOvertaken: (seen, _document, over) => seen.id !== over,
  };
}
