import type { AccessToken } from '../../access-token.js';
import { type Clock, sleep } from '../../clock.js';
import { DeadlineExceeded, withDeadline } from '../../deadline.js';
import { ImsvaultError, inWords, TokenRequestRejectedError } from '../../errors.js';
import type { Exchanged } from '../../ims/exchange.js';
import { redact } from '../../redacted.js';
import { fullJitterDelay } from '../../retry.js';
import type { FleetEvent } from './fleet-options.js';
import type { PublishedToken } from './published-token.js';
import type { SharedFailure, TokenDocument } from './token-document.js';
import { type Claim, isFinal, type StoredDocument, type TokenStore } from './token-store.js';

/** How a claim ended. */
export interface Outcome {
  token: AccessToken;
  published: PublishedToken;
  /** What stands in the store now; undefined: the token serves this process only. */
  document?: TokenDocument;
  /** Somebody else's document that came first, where there is one. */
  instead?: StoredDocument;
}

export interface ClaimRenewalOptions {
  store: TokenStore;
  exchange: (signal: AbortSignal) => Promise<Exchanged>;
  credentialVersion?: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
  clock: Clock;
  random: () => number;
  newId: () => string;
  warn: (message: string) => void;
  onEvent: (event: FleetEvent) => void;
  /** Told the id of a failure that this process has told the others. */
  onFailureShared: (id: string) => void;
}

/** Part of the claim's ttl within which the exchange must end; the rest is for publishing. */
export const EXCHANGE_SHARE = 0.7;
const PUBLISH_TRIES = 3;
const PUBLISH_DELAY = { baseDelayMs: 250, maxDelayMs: 2000 };
const MAX_FAILURE_PAUSE_MS = 300_000;
/** So many failures in a row are written as often as that; then only as often as the store can take it for ever. */
const MANY_FAILURES = 10;
/** The claim, and the failure in its place. */
const WRITES_OF_A_FAILURE = 2;

/**
 * What the winner of a claim does: exchange, then publish on its own claim, or tell the others that it failed.
 * @param afterRejection whether an API refused the token before
 * @throws what the exchange throws; a failed publication is no error
 */
export async function renewClaimed(
  claim: Claim,
  afterRejection: boolean,
  options: ClaimRenewalOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    return await exchangeAndPublish(claim, afterRejection, options, signal);
  } catch (error) {
    if (signal.aborted) await letGo(claim, options);
    throw error;
  }
}

async function exchangeAndPublish(
  claim: Claim,
  afterRejection: boolean,
  options: ClaimRenewalOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock, exchange, newId, onEvent } = options;
  const leftMs = claim.claimedAt + claim.ttlMs * EXCHANGE_SHARE - clock.monotonic();
  const exchanged = await withDeadline(clock, leftMs, signal, exchange).catch(async (thrown: unknown) => {
    signal.throwIfAborted();
    const error = thrown instanceof DeadlineExceeded ? tooSlow(leftMs) : thrown;
    await shareFailure(claim, error, options, signal);
    throw error;
  });
  onEvent('exchanged');
  const { lastFailure: _failure, ...base } = claim.base;
  const published = publishedToken(exchanged, newId());
  const document: TokenDocument = {
    ...base,
    generation: base.generation + 1,
    token: published,
    ...(afterRejection ? { rejectionRenewedAt: clock.now() + exchanged.clockOffsetMs } : {}),
  };
  const end = await publish(document, claim, options, signal);
  return { token: exchanged.token, published, ...end };
}

/** A new token as the document says it: the document's times are the servers'. */
export function publishedToken({ token, clockOffsetMs }: Exchanged, publishId: string): PublishedToken {
  return {
    accessToken: redact(token.accessToken),
    tokenType: token.tokenType,
    expiresAt: token.expiresAt + clockOffsetMs,
    issuedAt: token.issuedAt + clockOffsetMs,
    scope: token.scope,
    clientId: token.clientId,
    publishId,
  };
}

async function publish(
  document: TokenDocument,
  { versionId, ttlMs, claimedAt }: Claim,
  { store, clock, random, warn, onEvent }: ClaimRenewalOptions,
  signal: AbortSignal,
): Promise<Pick<Outcome, 'document' | 'instead'>> {
  for (let tries = 1; ; tries++) {
    try {
      const instead = await store.publish(document, versionId, signal);
      onEvent(instead === undefined ? 'published' : 'publish-lost');
      return instead === undefined ? { document } : { instead };
    } catch (error) {
      signal.throwIfAborted();
      const isLate = clock.monotonic() - claimedAt >= ttlMs;
      if (tries >= PUBLISH_TRIES || isLate || isFinal(error)) {
        onEvent('publish-failed');
        warn(`${store.place}: the token was not written (${inWords(error)}); it serves this process only`);
        return {};
      }
      await sleep(clock, fullJitterDelay(PUBLISH_DELAY, tries, random()), signal);
    }
  }
}

function tooSlow(leftMs: number): ImsvaultError {
  return new ImsvaultError(
    'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
    `no token came within ${Math.round(leftMs / 1000)} s, the time that a claim gives for an exchange`,
  );
}

/** Best effort: without it the claim dies by itself. */
async function shareFailure(
  claim: Claim,
  error: unknown,
  { store, newId, clock, credentialVersion, onFailureShared }: ClaimRenewalOptions,
  signal: AbortSignal,
): Promise<void> {
  const count = (claim.base.lastFailure?.count ?? 0) + 1;
  const failure = {
    id: newId(),
    code: codeOf(error),
    retryAfterMs: pauseMs(error, count, store.writeIntervalMs),
    count,
  };
  await withDeadline(clock, claim.ttlMs * (1 - EXCHANGE_SHARE), signal, async (bounded) => {
    const isRejected = error instanceof TokenRequestRejectedError;
    const rejected = isRejected ? await credentialVersion?.(bounded).catch(() => undefined) : undefined;
    const known = rejected === undefined ? {} : { credentialVersion: rejected };
    await store.shareFailure(claim, { ...failure, ...known }, bounded);
    onFailureShared(failure.id);
  }).catch(() => undefined);
}

/** Who is closed in the middle of a renewal leaves nothing for the others to wait for. Best effort, as above. */
async function letGo(claim: Claim, { store, newId, clock }: ClaimRenewalOptions): Promise<void> {
  const count = Math.max(1, claim.base.lastFailure?.count ?? 0);
  const failure = { id: newId(), code: 'ERR_ABORTED', retryAfterMs: 0, count };
  await withDeadline(clock, claim.ttlMs * (1 - EXCHANGE_SHARE), undefined, (bounded) =>
    store.shareFailure(claim, failure, bounded),
  ).catch(() => undefined);
}

/** What IMS refused may have been replaced since: then there is nothing to wait out. */
export async function isMended(
  failure: SharedFailure,
  { credentialVersion }: Pick<ClaimRenewalOptions, 'credentialVersion'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (failure.credentialVersion === undefined) return false;
  const current = await credentialVersion?.(signal).catch(() => undefined);
  signal.throwIfAborted();
  return current !== undefined && current !== failure.credentialVersion;
}

/** 1 s, doubling, at most 5 min, or what the server asked for. A refused credential does not mend itself. */
function pauseMs(error: unknown, count: number, writeIntervalMs: number): number {
  const most = Math.max(MAX_FAILURE_PAUSE_MS, count > MANY_FAILURES ? WRITES_OF_A_FAILURE * writeIntervalMs : 0);
  if (error instanceof TokenRequestRejectedError) return most;
  const wish = error instanceof ImsvaultError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(most, Math.max(wish, 1000 * 2 ** Math.min(count - 1, 20)));
}

function codeOf(error: unknown): string {
  if (error instanceof TokenRequestRejectedError && /^\w{1,64}$/.test(error.error)) return error.error;
  return error instanceof ImsvaultError ? error.code : 'ERR_TOKEN_ENDPOINT_UNAVAILABLE';
}
