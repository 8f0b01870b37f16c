import type { Clock } from '../../clock.js';
import { ImsvaultError, inWords } from '../../errors.js';
import { createUnderWay } from '../../under-way.js';
import type { TokenPhase } from '../renewal-schedule.js';
import type { ClaimWatch } from './claim-watch.js';
import type { FleetEvent } from './fleet-options.js';
import type { PublishedToken } from './published-token.js';
import type { TokenDocument } from './token-document.js';
import { isFinal, type StoredDocument, type TokenStore } from './token-store.js';

/**
 * Pauses before a token is tried to be written again: doubling, at most 5 min, of which up to a half at random. The winner
 * of a claim hurries, so that its claim does not die meanwhile; without a store the whole fleet is in this place.
 */
const CLAIMED_MS = 5000;
const ALONE_MS = 60_000;
const MAX_MS = 300_000;

export interface WriteBackOptions {
  store: TokenStore;
  clock: Clock;
  random: () => number;
  watch: ClaimWatch;
  /** The document to write a token into; undefined: this one is not to be written. */
  baseFor: (seen: StoredDocument) => TokenDocument | undefined;
  phaseOf: (published: PublishedToken, clockOffsetMs: number) => TokenPhase;
  warn: (message: string) => void;
  onEvent: (event: FleetEvent) => void;
}

/** What follows an exchange and nobody waits for. None of it fails a renewal. */
export interface WriteBack {
  /** Puts the metadata of a published document beside it. */
  annotate(document: TokenDocument): void;
  /**
   * A token that is not in the store is written there later, while nobody has published another since. A later call
   * takes its place.
   * @param after the generation that was current when it was made
   * @param claimId the claim it was made by, where there was one
   */
  publishLater(token: PublishedToken, after: number, onPublished: (generation: number) => void, claimId?: string): void;
  /** Waits for what is under way, begins nothing more. */
  close(): Promise<void>;
}

interface Later {
  token: PublishedToken;
  after: number;
  onPublished: (generation: number) => void;
  claimId: string | undefined;
}

export function createWriteBack(options: WriteBackOptions): WriteBack {
  const { store, clock, random, watch, baseFor, phaseOf, warn, onEvent } = options;
  const closing = new AbortController();
  const works = createUnderWay();
  let annotationFails = false;
  let newest: Later | undefined;
  let cancelTimer: () => void = () => undefined;

  async function annotate({ token, generation }: TokenDocument): Promise<void> {
    if (store.annotate === undefined || token === undefined) return;
    const { expiresAt, clientId } = token;
    try {
      // Not ended by `close`, but by the store's own bound.
      await store.annotate({ expiresAt, generation, clientId }, new AbortController().signal);
      annotationFails = false;
      onEvent('annotated');
    } catch (error) {
      onEvent('annotate-failed');
      if (!annotationFails) warn(`${store.place}: the metadata beside the token was not written (${inWords(error)})`);
      annotationFails = true;
    }
  }

  /** @returns the document that was written; `later`: it may still be; `never`: a newer token is there, or none may be written */
  async function publishNow({ token, after, claimId }: Later): Promise<TokenDocument | 'later' | 'never'> {
    const { signal } = closing;
    try {
      const seen = await store.read(signal);
      const { document: current, clockOffsetMs } = seen;
      const phase = phaseOf(token, clockOffsetMs);
      const base = baseFor(seen);
      if (base === undefined || base.generation > after || phase === 'hard' || phase === 'expired') return 'never';
      const claim = current?.renewal;
      if (claim !== undefined && claim.id !== claimId && watch.claimLeftMs(claim) > 0) return 'later';
      const { renewal: _claim, lastFailure: _failure, ...rest } = base;
      const document = { ...rest, generation: base.generation + 1, token };
      return (await store.publish(document, seen.id, signal)) === undefined ? document : 'later';
    } catch (error) {
      // A store that is full today may not be tomorrow.
      const isFull = error instanceof ImsvaultError && error.code === 'ERR_SECRET_UNAVAILABLE';
      return isFinal(error) && !isFull ? 'never' : 'later';
    }
  }

  async function attempt(later: Later, tries: number): Promise<void> {
    const outcome = await publishNow(later);
    if (typeof outcome === 'object') {
      onEvent('published');
      later.onPublished(outcome.generation);
      await annotate(outcome);
    } else if (outcome === 'later') schedule(later, tries + 1);
  }

  function schedule(later: Later, tries: number): void {
    if (newest !== later || closing.signal.aborted) return;
    const firstMs = later.claimId === undefined ? ALONE_MS : CLAIMED_MS;
    const pauseMs = Math.min(MAX_MS, firstMs * 2 ** (tries - 1)) * (0.5 + random() / 2);
    cancelTimer = clock.setTimer(() => works.add(attempt(later, tries)), pauseMs);
  }

  return {
    annotate: (document) => void works.add(annotate(document)),
    publishLater(token, after, onPublished, claimId) {
      cancelTimer();
      newest = { token, after, onPublished, claimId };
      schedule(newest, 1);
    },
    async close() {
      cancelTimer();
      closing.abort(new ImsvaultError('ERR_ABORTED', 'this token provider is closed'));
      await works.ended();
    },
  };
}
