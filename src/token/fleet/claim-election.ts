import type { ElectedEntry } from '../../secret/provider.js';

/** What the entries of one generation say at a moment of the store's clock. */
export interface ElectionState {
  /** The claim that holds. */
  leader?: ElectedEntry;
  /** The last failure, whether or not it has been waited out. */
  failure?: ElectedEntry;
}

/**
 * The earliest claim that is neither dead nor over. All times are the store's, so no two clocks are compared.
 * @param serverTime the store's clock, Unix milliseconds
 */
export function electionState(entries: readonly ElectedEntry[], serverTime: number): ElectionState {
  const ordered = [...entries].sort(byOrder);
  const failures = ordered.filter(({ failure }) => failure !== undefined);
  const leader = ordered.find(
    (entry) =>
      entry.failure === undefined &&
      serverTime - entry.createdAt < entry.ttlMs &&
      !failures.some((failure) => endsClaim(failure, entry, ordered)),
  );
  const failure = failures.at(-1);
  return { ...(leader === undefined ? {} : { leader }), ...(failure === undefined ? {} : { failure }) };
}

/** A failure ends its own claim, and those that had lost against that one: their owners have gone away. */
function endsClaim(failure: ElectedEntry, entry: ElectedEntry, entries: readonly ElectedEntry[]): boolean {
  const failedId = failure.failure?.claimId;
  if (entry.id === failedId) return true;
  const failed = entries.find(({ id }) => id === failedId);
  if (failed === undefined || byOrder(entry, failure) > 0) return false;
  return entry.createdAt < failed.createdAt + failed.ttlMs;
}

function byOrder(a: ElectedEntry, b: ElectedEntry): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  return a.versionId < b.versionId ? -1 : Number(a.versionId > b.versionId);
}
