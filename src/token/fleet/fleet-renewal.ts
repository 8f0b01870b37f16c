import type { AccessToken } from '../../access-token.js';
import { sleep } from '../../clock.js';
import { ImsvaultError, inWords } from '../../errors.js';
import { fullJitterDelay } from '../../retry.js';
import { createUnderWay } from '../../under-way.js';
import type { RenewRequest } from '../renew-request.js';
import { EXCHANGE_SHARE, isMended, publishedToken, renewClaimed } from './claim-renewal.js';
import { createClaimWatch } from './claim-watch.js';
import { createFailureProbe } from './failure-probe.js';
import { createAdoption, type Held } from './fleet-adoption.js';
import { mismatch, sharedFailure, waitTimeout } from './fleet-errors.js';
import type { FleetOptions, FleetRenewal } from './fleet-options.js';
import { createRejectionLimit } from './fleet-rejections.js';
import { createFleetWarnings } from './fleet-warnings.js';
import { createWriteBack } from './fleet-write-back.js';
import { createGenerationGuard } from './generation-guard.js';
import { createOwnership } from './ownership.js';
import type { PublishedToken } from './published-token.js';
import type { SharedFailure } from './token-document.js';
import { type Claim, type ClaimResult, isFinal, type StoredDocument } from './token-store.js';

/** A caller without a usable token waits for others at most this many ttls. */
const MAX_WAIT_TTLS = 3;
const POLL = { baseDelayMs: 250, maxDelayMs: 2000 };
/** Nobody exchanges without the store before a random part of this has passed: all would at once. */
const UNAVAILABLE_SPREAD_MS = 10_000;

/** What a look at the document leads to. */
type Decision =
  | { kind: 'use'; token: AccessToken }
  | { kind: 'claim' }
  | { kind: 'wait'; leftMs: number; failure?: SharedFailure };

export function createFleetRenewal(options: FleetOptions): FleetRenewal {
  const { store, clock, random, newId, exchange, claimTtlMs = 20_000, warn } = options;
  const onEvent = options.onEvent ?? (() => undefined);
  const watch = createClaimWatch(clock, options.sightings);
  const guard = createGenerationGuard(clock);
  const { isForeign, baseOf } = createOwnership(options, guard);
  const adoption = createAdoption(options);
  const rejections = createRejectionLimit(clock);
  const probe = createFailureProbe(clock);
  const renewals = createUnderWay();
  const writeBack = createWriteBack({
    ...{ store, clock, random, watch, warn, onEvent },
    phaseOf: adoption.phaseOf,
    baseFor(seen) {
      const { document } = seen;
      if (document !== undefined) guard.check(document.generation, store.place);
      return isForeign(seen) || document?.readOnly === true ? undefined : baseOf(document);
    },
  });
  const warnings = createFleetWarnings(store.place, warn);

  function adopt(seen: StoredDocument, published: PublishedToken): AccessToken {
    warnings.tokenCame();
    onEvent('adopted');
    return adoption.adopt(seen, published);
  }

  function decide(seen: StoredDocument, held: Held, request: RenewRequest, past?: string): Decision {
    const { document, clockOffsetMs } = seen;
    const published = adoption.newerToken(seen, held);
    // A due token that nobody renews in time is this process's to renew; it still serves meanwhile.
    if (published !== undefined && adoption.phaseOf(published, clockOffsetMs) !== 'hard') {
      return { kind: 'use', token: adopt(seen, published) };
    }
    const refused = request.rejected;
    if (refused !== undefined && rejections.isTooSoon(refused, document?.rejectionRenewedAt, clockOffsetMs)) {
      return { kind: 'use', token: refused };
    }
    if (document?.renewal !== undefined) {
      const leftMs = watch.claimLeftMs(document.renewal);
      if (leftMs > 0) return { kind: 'wait', leftMs };
    } else if (document?.lastFailure !== undefined && document.lastFailure.id !== past) {
      const leftMs = watch.failureLeftMs(document.lastFailure);
      if (leftMs > 0) return { kind: 'wait', leftMs, failure: document.lastFailure };
    }
    const canRenew = exchange !== undefined && document?.readOnly !== true;
    return canRenew ? { kind: 'claim' } : { kind: 'wait', leftMs: claimTtlMs };
  }

  /** @returns an error when this process cannot write */
  async function claim(
    seen: StoredDocument,
    past: string | undefined,
    signal: AbortSignal,
  ): Promise<ClaimResult | ImsvaultError> {
    const attempt = { id: newId(), ttlMs: claimTtlMs, base: baseOf(seen.document), versionId: seen.id, past };
    const result = await store.claim(attempt, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      // Who may not write still gets a token.
      return error instanceof ImsvaultError && isFinal(error) ? error : ({ kind: 'lost' } as const);
    });
    if (result instanceof ImsvaultError || result.kind === 'wait') return result;
    // Whoever learns late that it won has no time left to use it.
    const isWon = result.kind === 'won' && clock.monotonic() - result.claim.claimedAt < claimTtlMs * EXCHANGE_SHARE;
    if (store.coordination !== 'none') onEvent(isWon ? 'claimed' : 'claim-lost');
    return isWon ? result : { kind: 'lost' };
  }

  async function exchangeAlone(why: string, { rejected }: RenewRequest, signal: AbortSignal): Promise<AccessToken> {
    if (exchange === undefined)
      throw waitTimeout(`${store.place}: ${why}; a consumer waits for those who renew`, claimTtlMs);
    if (rejected !== undefined && rejections.isTooSoonAlone(rejected)) return rejected;
    warn(`${store.place}: ${why}; exchanging without a claim`);
    onEvent('uncoordinated');
    const after = guard.highest;
    const exchanged = await exchange(signal);
    onEvent('exchanged');
    publishLater(exchanged.token, publishedToken(exchanged, newId()), after);
    return exchanged.token;
  }

  async function renewByClaim(
    claim: Claim,
    request: RenewRequest,
    held: Held,
    signal: AbortSignal,
  ): Promise<AccessToken> {
    const renewer = exchange as NonNullable<typeof exchange>;
    const deps = { ...options, exchange: renewer, onEvent, onFailureShared: probe.shared };
    const outcome = await renewClaimed(claim, request.rejected !== undefined, deps, signal);
    const { token, published, document, instead } = outcome;
    if (document !== undefined) {
      adoption.wasPublished(token, document.generation);
      writeBack.annotate(document);
      return token;
    }
    const other = instead === undefined ? undefined : adoption.newerToken(instead, held);
    if (instead !== undefined && other !== undefined) return adopt(instead, other);
    publishLater(token, published, claim.base.generation, claim.id);
    return token;
  }

  function publishLater(token: AccessToken, published: PublishedToken, after: number, claimId?: string): void {
    const onPublished = (generation: number) => adoption.wasPublished(token, generation);
    writeBack.publishLater(published, after, onPublished, claimId);
  }

  /** A store that is back by then, or that somebody else could write to, saves the exchange. @throws `error` where nobody should wait */
  async function waitForStore(error: ImsvaultError, request: RenewRequest, signal: AbortSignal): Promise<void> {
    onEvent('store-unavailable');
    if (request.usable !== undefined || options.onUnavailable === 'fail' || exchange === undefined) throw error;
    await sleep(clock, random() * UNAVAILABLE_SPREAD_MS, signal);
  }

  async function renew(given: RenewRequest, signal: AbortSignal): Promise<AccessToken> {
    const startedAt = clock.monotonic();
    const replaced = given.rejected ?? (given.forced === true ? undefined : given.forced);
    const held = adoption.heldToken(replaced ?? given.usable);
    let request = given;
    /** The store's token, where it is due but better than none. */
    let found: AccessToken | undefined;
    let hasSpread = store.claimSpreadMs === 0;
    let wasAway = false;
    let wasDenied = false;
    /** The failure that is not waited out. */
    let past: string | undefined;
    for (let round = 1; ; round++) {
      const seen = await store.read(signal).catch((error: unknown) => {
        if (error instanceof ImsvaultError && error.code === 'ERR_SECRET_UNAVAILABLE') return error;
        throw error;
      });
      if (seen instanceof ImsvaultError) {
        if (found !== undefined) return found;
        if (wasAway) return exchangeAlone(`it cannot be used (${inWords(seen)})`, request, signal);
        wasAway = true;
        await waitForStore(seen, request, signal);
        continue;
      }
      wasAway = false;
      const { document } = seen;
      if (document !== undefined) guard.check(document.generation, store.place);
      warnings.ofClock(seen.clockOffsetMs);
      if (isForeign(seen)) {
        onEvent('identity-mismatch');
        if (options.onMismatch === 'fail' || exchange === undefined) throw mismatch(store.place);
        return exchangeAlone('its document is for another endpoint, scope, organisation or client', request, signal);
      }
      // Who insists on a new token without holding one means one newer than the store's.
      if (given.forced === true) held.generation ??= document?.generation ?? 0;

      let decision: Decision | ClaimResult = decide(seen, held, request, past);
      if (decision.kind === 'use') return decision.token;
      const due = adoption.newerToken(seen, held);
      if (due !== undefined) {
        found = adopt(seen, due);
        request = { ...request, usable: found };
      }
      if (decision.kind === 'claim' && !hasSpread) {
        // Most then see another's claim, instead of losing one.
        hasSpread = true;
        await sleep(clock, random() * store.claimSpreadMs, signal);
        continue;
      }
      if (decision.kind === 'claim') {
        try {
          const result = await claim(seen, past, signal);
          if (result instanceof ImsvaultError) {
            if (wasDenied) return await exchangeAlone(`it cannot be used (${inWords(result)})`, request, signal);
            wasDenied = true;
            await waitForStore(result, request, signal);
            continue;
          }
          if (result.kind === 'won') return await renewByClaim(result.claim, request, held, signal);
          decision = result;
        } catch (error) {
          signal.throwIfAborted();
          if (found !== undefined) return found;
          throw error;
        }
      }
      if (decision.kind === 'wait') {
        if (decision.failure !== undefined && (await isMended(decision.failure, options, signal))) {
          past = decision.failure.id;
          continue;
        }
        if (found !== undefined) return found;
        if (decision.failure !== undefined) {
          if (probe.isDue(decision.failure.id)) return exchangeAlone('its last renewal failed', request, signal);
          throw sharedFailure(store.place, decision.failure.code, decision.leftMs);
        }
        if (request.usable !== undefined) {
          throw waitTimeout(`${store.place}: another process renews`, Math.min(decision.leftMs, claimTtlMs / 4));
        }
        if (exchange === undefined) warnings.ofWaiting();
      }
      if (clock.monotonic() - startedAt >= MAX_WAIT_TTLS * claimTtlMs) {
        return exchangeAlone(`no token came in ${(MAX_WAIT_TTLS * claimTtlMs) / 1000} s`, request, signal);
      }
      hasSpread = store.claimSpreadMs === 0;
      await sleep(clock, fullJitterDelay(POLL, Math.min(round, 8), 0.5 + random() / 2), signal);
    }
  }

  return {
    renew: (request, signal) => renewals.add(renew(request, signal)),
    generationOf: (token) => adoption.heldToken(token).generation,
    async close() {
      // One that was aborted lets go of its claim.
      await renewals.ended();
      await writeBack.close();
    },
  };
}
