import { type Clock, sleep } from '../../clock.js';
import { DeadlineExceeded, withDeadline } from '../../deadline.js';
import { ImsvaultError } from '../../errors.js';
import { waitTimeout } from '../fleet/fleet-errors.js';
import type { TokenFrom } from '../held-token.js';
import type { RenewRequest } from '../renew-request.js';
import type { TokenCache } from './token-cache.js';
import type { CachedToken } from './token-record.js';

type Renew = (request: RenewRequest, signal: AbortSignal) => Promise<TokenFrom>;

export interface CachedRenewalOptions {
  cache: TokenCache;
  /** Where a token comes from that the cache does not have. */
  renew: Renew;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** A call without a usable token waits for another process's renewal at most this many milliseconds. */
  maxWaitMs: number;
  warn: (message: string) => void;
}

const POLL_MS = 50;
/** A call that has a usable token gives an early renewal no more than this. */
const MAX_EARLY_MS = 10_000;
const RETRY_MS = 1000;

/** Looks into the machine's cache before it renews, and lets one process renew for all. */
export function createCachedRenewal(options: CachedRenewalOptions): Renew {
  const { cache, renew, clock, random, maxWaitMs, warn } = options;

  async function keep(renewed: TokenFrom, request: RenewRequest): Promise<TokenFrom> {
    // The token store may have nothing newer.
    if (renewed.token !== request.usable && renewed.token !== request.rejected) await cache.write(renewed.token);
    return renewed;
  }

  async function renewAndKeep(request: RenewRequest, signal: AbortSignal): Promise<TokenFrom> {
    return keep(await renew(request, signal), request);
  }

  /** @param held a usable token that is due, which a failure takes nothing away from */
  async function renewEarly(held: CachedToken, request: RenewRequest, signal: AbortSignal): Promise<TokenFrom> {
    const early = { ...request, usable: held.token };
    let renewed: TokenFrom;
    try {
      renewed = await withDeadline(clock, MAX_EARLY_MS, signal, (bounded) => renew(early, bounded));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ImsvaultError || error instanceof DeadlineExceeded)) throw error;
      const isOurs = error instanceof ImsvaultError;
      await cache.pause(held, isOurs ? error.retryAfterMs : undefined);
      if (!isOurs || error.code !== 'ERR_TOKEN_WAIT_TIMEOUT') {
        warn(`the token was not renewed early and is used as it is: ${error.message}`);
      }
      return fromCache(held);
    }
    return keep(renewed, early);
  }

  return async (request, signal) => {
    const startedAt = clock.monotonic();
    const first = cache.read();
    if (first !== undefined && !isDue(first) && answers(first, request, first)) return fromCache(first);
    for (;;) {
      const release = await cache.lock.tryAcquire().catch((error: unknown) => {
        warn(`no lock between processes (${(error as NodeJS.ErrnoException).code}); renewing without it`);
        return async () => undefined;
      });
      const seen = cache.read();
      const due = seen !== undefined && answers(seen, request, first) ? seen : undefined;
      if (due !== undefined && !isDue(due)) {
        await release?.();
        return fromCache(due);
      }
      // What a caller holds already, it serves itself.
      const held = request.usable === undefined ? due : undefined;
      if (release !== undefined) {
        try {
          return await (held === undefined ? renewAndKeep(request, signal) : renewEarly(held, request, signal));
        } finally {
          await release();
        }
      }
      if (held?.phase === 'soft') return fromCache(held);
      if (request.usable !== undefined) throw waitTimeout('another process of this machine renews', RETRY_MS);
      if (clock.monotonic() - startedAt >= maxWaitMs) {
        if (held !== undefined) return fromCache(held);
        warn(`another process has been renewing for ${Math.round(maxWaitMs / 1000)} s; exchanging beside it`);
        return renewAndKeep(request, signal);
      }
      await sleep(clock, POLL_MS * (1 + random()), signal);
    }
  };
}

function isDue({ phase, isPaused }: CachedToken): boolean {
  return phase !== 'fresh' && !isPaused;
}

/** @param first what the cache held when the request came */
function answers({ token, record }: CachedToken, request: RenewRequest, first: CachedToken | undefined): boolean {
  const { usable, rejected, forced } = request;
  if (forced === true) return record.token.publishId !== first?.record.token.publishId;
  const before = rejected ?? forced ?? usable;
  return before === undefined || (token.accessToken !== before.accessToken && token.expiresAt > before.expiresAt);
}

const fromCache = ({ token }: CachedToken): TokenFrom => ({ token, source: 'cache' });
