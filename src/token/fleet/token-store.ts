import type { Clock } from '../../clock.js';
import { ImsvaultError } from '../../errors.js';
import type { SecretMetadata } from '../../secret/provider.js';
import { claimByElection } from './claim-by-election.js';
import { claimBySwap } from './claim-by-swap.js';
import type { DocumentAccess, StoredDocument } from './document-access.js';
import type { SharedFailure, TokenDocument } from './token-document.js';

export type { StoredDocument };

/** What a claim is asked for with. */
export interface ClaimAttempt {
  /** A new UUID for each attempt. */
  id: string;
  ttlMs: number;
  /** What the next generation builds on; it may carry the last failure. */
  base: TokenDocument;
  /** The version that was read; null: there was none. */
  versionId: string | null;
  /** The id of a failure that is not to be waited out. */
  past?: string | undefined;
}

/** The right to make the next generation. */
export interface Claim {
  id: string;
  ttlMs: number;
  base: TokenDocument;
  /** Before the claim was sent, monotonic milliseconds: it can only have begun later. */
  claimedAt: number;
  /** Where the store has compare-and-swap, the version that holds the claim: only on that one may be published. */
  versionId: string | null;
}

export type ClaimResult =
  | { kind: 'won'; claim: Claim }
  /** Another process renews, or has failed to. */
  | { kind: 'wait'; leftMs: number; failure?: SharedFailure }
  /** Somebody else was first: read again. */
  | { kind: 'lost' };

/** What differs between the kinds of stores: how renewers agree who makes the next generation. */
export interface Coordination {
  readonly kind: 'compare-and-swap' | 'election' | 'none';
  /** @throws what the store does, where it is not known to be lost */
  claim(attempt: ClaimAttempt, signal: AbortSignal): Promise<ClaimResult>;
  /** Tells the others that a claim came to nothing. Without it, the claim dies by itself. */
  shareFailure(claim: Claim, failure: SharedFailure, signal: AbortSignal): Promise<void>;
  /** @returns the document that came first, if one did */
  write(document: TokenDocument, over: string | null, signal: AbortSignal): Promise<StoredDocument | undefined>;
  /** Whether a document, read after a write that failed, means that the write cannot take place any more. */
  isOvertaken(seen: StoredDocument, document: TokenDocument, over: string | null): boolean;
}

/** Where a fleet keeps its token. */
export interface TokenStore extends Pick<DocumentAccess, 'place' | 'claimSpreadMs' | 'writeIntervalMs' | 'read'> {
  readonly coordination: Coordination['kind'];
  claim: Coordination['claim'];
  shareFailure: Coordination['shareFailure'];
  /**
   * Writes a document with a token.
   * @param over the version that it builds on: a claim's, or one that was read
   * @returns the document that came first, if one did; undefined: `document` stands in the store
   * @throws what the store does; whether the write will take place is then unknown
   */
  publish(document: TokenDocument, over: string | null, signal: AbortSignal): Promise<StoredDocument | undefined>;
  annotate?(metadata: SecretMetadata, signal: AbortSignal): Promise<void>;
}

/** A token store over a document: by compare-and-swap, by election, or, where the store has neither, without claims. */
export function createTokenStore(access: DocumentAccess, clock: Clock): TokenStore {
  const { place, claimSpreadMs, writeIntervalMs, annotate } = access;
  const coordination = claimBySwap(access, clock) ?? claimByElection(access, clock) ?? withoutClaims(access, clock);

  return {
    place,
    claimSpreadMs,
    writeIntervalMs,
    read: (signal) => access.read(signal),
    coordination: coordination.kind,
    claim: coordination.claim,
    shareFailure: coordination.shareFailure,
    async publish(document, over, signal) {
      try {
        return await coordination.write(document, over, signal);
      } catch (error) {
        signal.throwIfAborted();
        // A publication whose answer was lost looks like a failure: only reading tells.
        const seen = await access.read(signal).catch(() => undefined);
        if (seen !== undefined && isSamePublication(seen, document)) return undefined;
        if (seen !== undefined && coordination.isOvertaken(seen, document, over)) return seen;
        throw error;
      }
    },
    ...(annotate === undefined ? {} : { annotate }),
  };
}

/** The last writer wins, and up to N exchanges are made when N processes are due together. */
function withoutClaims(access: DocumentAccess, clock: Clock): Coordination {
  return {
    kind: 'none',
    async claim({ id, ttlMs, base, versionId }) {
      return { kind: 'won', claim: { id, ttlMs, base, claimedAt: clock.monotonic(), versionId } };
    },
    shareFailure: async () => undefined,
    ...putUnlessOvertaken(access),
  };
}

/** Without compare-and-swap somebody may still come between the look and the write: docs/fleet.md states the bound. */
export function putUnlessOvertaken(access: DocumentAccess): Pick<Coordination, 'write' | 'isOvertaken'> {
  const isOvertaken: Coordination['isOvertaken'] = (seen, { generation }) =>
    seen.document !== undefined && (seen.document.generation >= generation || seen.document.readOnly);
  return {
    isOvertaken,
    async write(document, over, signal) {
      const seen = await access.read(signal);
      if (isSamePublication(seen, document)) return undefined;
      if (isOvertaken(seen, document, over)) return seen;
      await access.put(document, signal);
      return undefined;
    },
  };
}

function isSamePublication({ document }: StoredDocument, { token }: TokenDocument): boolean {
  return document?.token !== undefined && document.token.publishId === token?.publishId;
}

/** Trying the same write again cannot help. */
export function isFinal(error: unknown): boolean {
  return error instanceof ImsvaultError && !error.retryable;
}
