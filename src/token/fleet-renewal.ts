import { AccessToken } from '../access-token.js';
import { sleep } from '../clock.js';
import { ImsvaultError } from '../errors.js';
import { reveal } from '../redacted.js';
import { fullJitterDelay } from '../retry.js';
import { createClaimWatch } from './claim-watch.js';
import { type Claimed, EXCHANGE_SHARE, isFinal, renewClaimed } from './claimed-renewal.js';
import { mismatch, sharedFailure, waitTimeout } from './fleet-errors.js';
import type { FleetOptions, FleetRenewal, RenewRequest } from './fleet-options.js';
import { createGenerationGuard } from './generation-guard.js';
import { phaseAt, renewalSchedule, type TokenPhase } from './renewal-schedule.js';
import type { PublishedToken, TokenDocument } from './token-document.js';
import type { StoredDocument } from './token-store.js';

/** A caller without a usable token waits for others at most this many ttls. */
const MAX_WAIT_TTLS = 3;
const POLL = { baseDelayMs: 250, maxDelayMs: 2000 };
/** Nobody exchanges without the store before a random part of this has passed: all would at once. */
const UNAVAILABLE_SPREAD_MS = 10_000;
const REJECTION_MIN_AGE_MS = 60_000;
const REJECTION_INTERVAL_MS = 300_000;
const CLOCK_WARNING_MS = 30_000;

/** What a look at the document leads to. */
type Decision =
  | { kind: 'use'; token: AccessToken }
  | { kind: 'claim' }
  | { kind: 'wait'; leftMs: number; failure?: string };

export function createFleetRenewal(options: FleetOptions): FleetRenewal {
  const { store, clock, random, newId, renewal, exchange, claimTtlMs = 20_000, warn } = options;
  const onEvent = options.onEvent ?? (() => undefined);
  const watch = createClaimWatch(clock);
  const guard = createGenerationGuard(clock);
  let warnedOfClock = false;
  /** When this process last exchanged without a claim because of a rejected token; monotonic. */
  let rejectedAloneAt: number | undefined;
  /** Tokens that did not come through the store have none. */
  const generations = new WeakMap<AccessToken, number>();

  function adopt(document: TokenDocument, published: PublishedToken, clockOffsetMs: number): AccessToken {
    const token = new AccessToken({
      ...published,
      accessToken: reveal(published.accessToken),
      // The document's times are the servers'; from here on this machine's clock reckons.
      expiresAt: published.expiresAt - clockOffsetMs,
      issuedAt: published.issuedAt - clockOffsetMs,
    });
    generations.set(token, document.generation);
    onEvent('adopted');
    return token;
  }

  function phaseOf({ issuedAt, expiresAt }: PublishedToken, serverNow: number): TokenPhase {
    return phaseAt(renewalSchedule(renewal, expiresAt - issuedAt, 0), serverNow - issuedAt);
  }

  /** @returns the document's token if it is one to use in place of `held` */
  function newerToken({ document, clockOffsetMs }: StoredDocument, held: Held): PublishedToken | undefined {
    const published = document?.identity === options.identity ? document.token : undefined;
    if (document === undefined || published === undefined) return undefined;
    if (phaseOf(published, clock.now() + clockOffsetMs) === 'expired') return undefined;
    // A store that was set back, or a late write of an older document, must not cost an exchange of everybody.
    const outlives =
      held.token !== undefined &&
      reveal(published.accessToken) !== held.token.accessToken &&
      published.expiresAt - clockOffsetMs > held.token.expiresAt;
    const isNewer =
      held.generation === undefined
        ? held.token === undefined || outlives
        : document.generation > held.generation || outlives;
    return isNewer ? published : undefined;
  }

  /** A 401 renews neither a token that was just made, nor more often than every five minutes in the whole fleet. */
  function isTooSoon(refused: AccessToken, document: TokenDocument | undefined, clockOffsetMs: number): boolean {
    // A moment in the future is somebody's wrong clock, and no reason to wait for it.
    const within = (time: number, ms: number) => Math.abs(clock.now() + clockOffsetMs - time) < ms;
    const { rejectionRenewedAt } = document ?? {};
    return (
      within(refused.issuedAt + clockOffsetMs, REJECTION_MIN_AGE_MS) ||
      (rejectionRenewedAt !== undefined && within(rejectionRenewedAt, REJECTION_INTERVAL_MS))
    );
  }

  function decide(seen: StoredDocument, held: Held, request: RenewRequest): Decision {
    const { document, clockOffsetMs } = seen;
    const published = newerToken(seen, held);
    if (document !== undefined && published !== undefined) {
      const isDue = phaseOf(published, clock.now() + clockOffsetMs) === 'hard';
      // A due token that nobody renews in time is this process's to renew; it still serves meanwhile.
      if (!isDue || exchange === undefined) return { kind: 'use', token: adopt(document, published, clockOffsetMs) };
    }
    const refused = request.rejected;
    if (refused !== undefined && isTooSoon(refused, document, clockOffsetMs)) {
      return { kind: 'use', token: refused };
    }
    if (document?.renewal !== undefined) {
      const leftMs = watch.claimLeftMs(document.renewal);
      if (leftMs > 0) return { kind: 'wait', leftMs };
    } else if (document?.lastFailure !== undefined) {
      const leftMs = watch.failureLeftMs(document.lastFailure);
      if (leftMs > 0) return { kind: 'wait', leftMs, failure: document.lastFailure.code };
    }
    const canRenew = exchange !== undefined && document?.readOnly !== true;
    return canRenew ? { kind: 'claim' } : { kind: 'wait', leftMs: claimTtlMs };
  }

  /** @returns undefined when somebody else was first; an error when this process cannot write */
  async function claim(seen: StoredDocument, signal: AbortSignal): Promise<Claimed | ImsvaultError | undefined> {
    const id = newId();
    const document: TokenDocument = { ...baseOf(seen.document), renewal: { id, ttlMs: claimTtlMs } };
    const claimedAt = clock.monotonic();
    if (!store.canClaim) return { document, versionId: seen.id, claimedAt };
    try {
      const versionId = await store.write(document, seen.id, signal);
      return inTime({ document, versionId, claimedAt });
    } catch (error) {
      signal.throwIfAborted();
      // A win whose answer was lost looks like a loss: only reading tells.
      const now = await store.read(signal).catch(() => undefined);
      if (now?.document?.renewal?.id === id) return inTime({ document, versionId: now.id, claimedAt });
      // Who may not write still gets a token.
      if (error instanceof ImsvaultError && isFinal(error)) return error;
      onEvent('claim-lost');
      return undefined;
    }
  }

  /** Whoever learns late that it won has no time left to use it. */
  function inTime(claimed: Claimed): Claimed | undefined {
    const isInTime = clock.monotonic() - claimed.claimedAt < claimTtlMs * EXCHANGE_SHARE;
    onEvent(isInTime ? 'claimed' : 'claim-lost');
    return isInTime ? claimed : undefined;
  }

  function baseOf(document: TokenDocument | undefined): TokenDocument {
    const { identity, tokenEndpoint } = options;
    // It goes on rising, so that those who know an older document see a newer one.
    const generation = guard.highest;
    if (document?.identity === identity) return { ...document, generation };
    return { identity, tokenEndpoint, generation, readOnly: false, unknown: document?.unknown ?? {} };
  }

  async function exchangeAlone(why: string, { rejected }: RenewRequest, signal: AbortSignal): Promise<AccessToken> {
    if (exchange === undefined)
      throw waitTimeout(`${store.place}: ${why}; a consumer waits for those who renew`, claimTtlMs);
    if (rejected !== undefined) {
      const isRecent = rejectedAloneAt !== undefined && clock.monotonic() - rejectedAloneAt < REJECTION_INTERVAL_MS;
      if (isRecent || isTooSoon(rejected, undefined, 0)) return rejected;
      rejectedAloneAt = clock.monotonic();
    }
    warn(`${store.place}: ${why}; exchanging without a claim`);
    onEvent('uncoordinated');
    const { token } = await exchange(signal);
    onEvent('exchanged');
    return token;
  }

  async function renewByClaim(
    claimed: Claimed,
    request: RenewRequest,
    held: Held,
    signal: AbortSignal,
  ): Promise<AccessToken> {
    const deps = { ...options, exchange: exchange as NonNullable<typeof exchange>, claimTtlMs, onEvent };
    const { token, generation, instead } = await renewClaimed(claimed, request.rejected !== undefined, deps, signal);
    if (generation !== undefined) generations.set(token, generation);
    const other = instead === undefined ? undefined : newerToken(instead, held);
    if (other === undefined || instead?.document === undefined) return token;
    return adopt(instead.document, other, instead.clockOffsetMs);
  }

  async function withoutStore(error: ImsvaultError, request: RenewRequest, signal: AbortSignal): Promise<AccessToken> {
    onEvent('store-unavailable');
    if (request.usable !== undefined || options.onUnavailable === 'fail' || exchange === undefined) throw error;
    await sleep(clock, random() * UNAVAILABLE_SPREAD_MS, signal);
    return exchangeAlone(`it cannot be used (${error.message})`, request, signal);
  }

  function warnOfClock(offsetMs: number): void {
    if (warnedOfClock || Math.abs(offsetMs) <= CLOCK_WARNING_MS) return;
    warnedOfClock = true;
    warn(`this machine's clock is ${Math.round(Math.abs(offsetMs) / 1000)} s ${offsetMs > 0 ? 'behind' : 'ahead'}`);
  }

  async function renew(given: RenewRequest, signal: AbortSignal): Promise<AccessToken> {
    const startedAt = clock.monotonic();
    const token = given.rejected ?? given.usable ?? (given.forced === true ? undefined : given.forced);
    const held: Held = { token, generation: token === undefined ? undefined : generations.get(token) };
    let request = given;
    for (let round = 1; ; round++) {
      const seen = await store.read(signal).catch((error: unknown) => {
        if (error instanceof ImsvaultError && error.code === 'ERR_SECRET_UNAVAILABLE') return error;
        throw error;
      });
      if (seen instanceof ImsvaultError) return withoutStore(seen, request, signal);
      const { document } = seen;
      if (document !== undefined) guard.check(document.generation, store.place);
      warnOfClock(seen.clockOffsetMs);
      if (document !== undefined && document.identity !== options.identity && options.onMismatch !== 'replace') {
        onEvent('identity-mismatch');
        if (options.onMismatch === 'fail' || exchange === undefined) throw mismatch(store.place);
        return exchangeAlone('its document is for another endpoint, scope, organisation or client', request, signal);
      }
      // Who insists on a new token without holding one means one newer than the store's.
      if (round === 1 && given.forced === true && token === undefined) held.generation = document?.generation ?? 0;

      const decision = decide(seen, held, request);
      if (decision.kind === 'use') return decision.token;
      const due = newerToken(seen, held);
      if (due !== undefined && document !== undefined && request.usable === undefined) {
        request = { ...request, usable: adopt(document, due, seen.clockOffsetMs) };
      }
      if (decision.kind === 'claim') {
        try {
          const claimed = await claim(seen, signal);
          if (claimed instanceof ImsvaultError) return await withoutStore(claimed, request, signal);
          if (claimed !== undefined) return await renewByClaim(claimed, request, held, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (request.usable !== undefined && given.usable === undefined) return request.usable;
          throw error;
        }
      } else if (request.usable !== undefined && given.usable === undefined) {
        return request.usable;
      } else if (decision.failure !== undefined) {
        throw sharedFailure(store.place, decision.failure, decision.leftMs);
      } else if (request.usable !== undefined) {
        throw waitTimeout(`${store.place}: another process renews`, Math.min(decision.leftMs, claimTtlMs / 4));
      }
      if (clock.monotonic() - startedAt >= MAX_WAIT_TTLS * claimTtlMs) {
        return exchangeAlone(`no token came in ${(MAX_WAIT_TTLS * claimTtlMs) / 1000} s`, request, signal);
      }
      await sleep(clock, fullJitterDelay(POLL, Math.min(round, 8), 0.5 + random() / 2), signal);
    }
  }

  return { renew, generationOf: (token) => generations.get(token) };
}

/** The token that a renewal starts from. */
interface Held {
  token: AccessToken | undefined;
  generation: number | undefined;
}
