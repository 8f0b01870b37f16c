import type { AccessToken } from '../access-token.js';
import { type Clock, sleep } from '../clock.js';
import { DeadlineExceeded, withDeadline } from '../deadline.js';
import { ImsvaultError, TokenRequestRejectedError } from '../errors.js';
import type { Exchanged } from '../ims/exchange.js';
import { redact } from '../redacted.js';
import { fullJitterDelay } from '../retry.js';
import type { FleetEvent } from './fleet-options.js';
import type { TokenDocument } from './token-document.js';
import type { StoredDocument, TokenStore } from './token-store.js';

/** The right to make the next generation, as it stands in the store. */
export interface Claimed {
  document: TokenDocument;
  /** The store's id of the version that holds the claim; only on that one may be published. */
  versionId: string | null;
  /** Monotonic milliseconds. */
  claimedAt: number;
}

/** How a claim ended. */
export interface Outcome {
  token: AccessToken;
  /** Undefined: the token is not in the store and serves this process only. */
  generation?: number;
  /** Somebody else's document that came first, where there is one. */
  instead?: StoredDocument;
}

export interface ClaimedRenewalOptions {
  store: TokenStore;
  exchange: (signal: AbortSignal) => Promise<Exchanged>;
  clock: Clock;
  random: () => number;
  newId: () => string;
  claimTtlMs: number;
  warn: (message: string) => void;
  onEvent: (event: FleetEvent) => void;
}

/** Part of the claim's ttl within which the exchange must end; the rest is for publishing. */
export const EXCHANGE_SHARE = 0.7;
const PUBLISH_TRIES = 3;
const PUBLISH_DELAY = { baseDelayMs: 250, maxDelayMs: 2000 };
const MAX_FAILURE_PAUSE_MS = 300_000;

/**
 * What the winner of a claim does: exchange, then publish on its own claim, or tell the others that it failed.
 * @param afterRejection whether an API refused the token before
 * @throws what the exchange throws; a failed publication is no error
 */
export async function renewClaimed(
  claimed: Claimed,
  afterRejection: boolean,
  options: ClaimedRenewalOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock, claimTtlMs, exchange, newId, onEvent } = options;
  const leftMs = claimed.claimedAt + claimTtlMs * EXCHANGE_SHARE - clock.monotonic();
  const { token, clockOffsetMs } = await withDeadline(clock, leftMs, signal, exchange).catch(
    async (thrown: unknown) => {
      signal.throwIfAborted();
      const error = thrown instanceof DeadlineExceeded ? tooSlow(leftMs) : thrown;
      await shareFailure(claimed, error, options, signal);
      throw error;
    },
  );
  onEvent('exchanged');
  const { renewal: _claim, lastFailure: _failure, ...base } = claimed.document;
  const document: TokenDocument = {
    ...base,
    generation: base.generation + 1,
    token: {
      accessToken: redact(token.accessToken),
      tokenType: token.tokenType,
      // The document's times are the servers'.
      expiresAt: token.expiresAt + clockOffsetMs,
      issuedAt: token.issuedAt + clockOffsetMs,
      scope: token.scope,
      clientId: token.clientId,
      publishId: newId(),
    },
    ...(afterRejection ? { rejectionRenewedAt: clock.now() + clockOffsetMs } : {}),
  };
  return { token, ...(await publish(claimed, document, options, signal)) };
}

async function publish(
  claimed: Claimed,
  document: TokenDocument,
  options: ClaimedRenewalOptions,
  signal: AbortSignal,
): Promise<Omit<Outcome, 'token'>> {
  const { store, clock, random, claimTtlMs, warn, onEvent } = options;
  for (let tries = 1; ; tries++) {
    try {
      await store.write(document, claimed.versionId, signal);
      onEvent('published');
      return { generation: document.generation };
    } catch (error) {
      signal.throwIfAborted();
      // A publication whose answer was lost looks like a failure: only reading tells.
      const seen = await store.read(signal).catch(() => undefined);
      if (seen?.document?.token !== undefined && seen.document.token.publishId === document.token?.publishId) {
        onEvent('published');
        return { generation: document.generation };
      }
      if (store.canClaim && seen !== undefined && seen.document?.renewal?.id !== claimed.document.renewal?.id) {
        onEvent('publish-lost');
        return { instead: seen };
      }
      const isLate = clock.monotonic() - claimed.claimedAt >= claimTtlMs;
      if (tries >= PUBLISH_TRIES || isLate || isFinal(error)) {
        onEvent('publish-failed');
        const why = error instanceof ImsvaultError ? error.message : 'unknown error';
        warn(`${store.place}: the token was not written (${why}); it serves this process only`);
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
  { document, versionId }: Claimed,
  error: unknown,
  { store, newId, clock, claimTtlMs }: ClaimedRenewalOptions,
  signal: AbortSignal,
): Promise<void> {
  // Without compare-and-swap it could take a token away that somebody published meanwhile.
  if (!store.canClaim) return;
  const { renewal: _claim, ...base } = document;
  const count = (document.lastFailure?.count ?? 0) + 1;
  const lastFailure = { id: newId(), code: codeOf(error), retryAfterMs: pauseMs(error, count), count };
  await withDeadline(clock, claimTtlMs * (1 - EXCHANGE_SHARE), signal, (bounded) =>
    store.write({ ...base, lastFailure }, versionId, bounded),
  ).catch(() => undefined);
}

/** 1 s, doubling, at most 5 min, or what the server asked for. A refused credential does not mend itself. */
function pauseMs(error: unknown, count: number): number {
  if (error instanceof TokenRequestRejectedError) return MAX_FAILURE_PAUSE_MS;
  const wish = error instanceof ImsvaultError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(MAX_FAILURE_PAUSE_MS, Math.max(wish, 1000 * 2 ** Math.min(count - 1, 20)));
}

function codeOf(error: unknown): string {
  if (error instanceof TokenRequestRejectedError && /^\w{1,64}$/.test(error.error)) return error.error;
  return error instanceof ImsvaultError ? error.code : 'ERR_TOKEN_ENDPOINT_UNAVAILABLE';
}

/** Trying the same write again cannot help. */
export function isFinal(error: unknown): boolean {
  return error instanceof ImsvaultError && !error.retryable;
}
