import { AccessToken } from '../access-token.js';
import type { Clock } from '../clock.js';
import { untilAborted } from '../deadline.js';
import { ImsvaultError } from '../errors.js';
import { createFailurePause } from './failure-pause.js';
import type { RenewRequest } from './fleet-options.js';
import { type HeldToken, holdToken } from './held-token.js';
import { DEFAULT_RENEWAL, type RenewalPolicy } from './renewal-schedule.js';

export interface GetTokenOptions {
  /** Ends this call's wait, with `signal.reason`; a renewal that others wait for goes on. */
  signal?: AbortSignal;
  /**
   * `true`: a token newer than the one held now. An `AccessToken` that an API rejected: a newer one than that; when
   * one is held already, it is returned. Calls at the same time share one exchange. Default false.
   */
  forceRenew?: boolean | AccessToken;
  /**
   * The life that the token must still have, in milliseconds ≥ 0. Where tokens live no longer than this, a new token
   * is as good as it gets. Default 0.
   */
  minTtlMs?: number;
}

export interface TokenManagerOptions {
  /** Gets a new token from where tokens come from. Its signal aborts only when the manager closes. */
  renew: (request: RenewRequest, signal: AbortSignal) => Promise<AccessToken>;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  renewal?: RenewalPolicy;
}

/** Keeps one token and renews it in time. */
export interface TokenManager {
  getToken(options?: GetTokenOptions): Promise<AccessToken>;
  peekToken(): AccessToken | undefined;
  close(): void;
}

/** @throws TypeError that names the option; callers without types get no other warning */
export function checkGetTokenOptions(options: unknown): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) throw new TypeError('getToken takes an object of options');
  const { signal, forceRenew, minTtlMs } = options as Readonly<Record<string, unknown>>;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal');
  if (forceRenew !== undefined && typeof forceRenew !== 'boolean' && !(forceRenew instanceof AccessToken)) {
    throw new TypeError('forceRenew must be a boolean or an AccessToken');
  }
  if (minTtlMs !== undefined && !(Number.isFinite(minTtlMs) && (minTtlMs as number) >= 0)) {
    throw new TypeError('minTtlMs must be a finite number of milliseconds, 0 or more');
  }
}

export function createTokenManager(options: TokenManagerOptions): TokenManager {
  const { renew, clock, random, renewal = DEFAULT_RENEWAL } = options;
  const softRandom = random();
  const pause = createFailurePause(clock, random);
  const closing = new AbortController();
  let held: HeldToken | undefined;
  let pending: Promise<AccessToken> | undefined;
  /** Whether the pending renewal had a token to fall back on, and so may do less than it could. */
  let pendingIsEarly = false;
  let sequence = 0;

  /** Single flight: whoever comes while a renewal runs gets that one's result. */
  function startRenewal(request: RenewRequest): Promise<AccessToken> {
    if (pending !== undefined) return pending;
    const mine = ++sequence;
    const isEarly = request.usable !== undefined;
    pendingIsEarly = isEarly;
    const requestedAt = clock.monotonic();
    const renewed = renew(request, closing.signal)
      .then(
        (token) => {
          closing.signal.throwIfAborted();
          pause.succeeded();
          if (held === undefined || held.sequence < mine) {
            // A token that others made is older than this renewal.
            const age = clock.now() - token.issuedAt;
            const bornAt = Math.min(requestedAt, clock.monotonic() - age);
            held = holdToken(token, mine, bornAt, clock, renewal, softRandom);
          }
          return token;
        },
        (error: unknown) => {
          pause.failed(error, isEarly);
          throw error;
        },
      )
      .finally(() => {
        pending = undefined;
      });
    // A renewal that nobody waits for must not end the process.
    renewed.catch(() => undefined);
    pending = renewed;
    return renewed;
  }

  function usable(): AccessToken | undefined {
    return held !== undefined && held.phase() !== 'expired' ? held.token : undefined;
  }

  function isRejected(current: HeldToken, forceRenew: boolean | AccessToken | undefined): boolean {
    return forceRenew === true || forceRenew === current.token;
  }

  /** True where the held token has too little life left and a new one would have more. */
  function isTooShort(current: HeldToken, minTtlMs: number): boolean {
    const leftMs = current.lifeMs - current.ageMs();
    return leftMs < minTtlMs && (current.lifeMs > minTtlMs || current.phase() !== 'fresh');
  }

  async function next({ forceRenew, minTtlMs = 0 }: GetTokenOptions): Promise<AccessToken> {
    closing.signal.throwIfAborted();
    const phase = held?.phase() ?? 'expired';
    const forced = held !== undefined && isRejected(held, forceRenew);
    if (held !== undefined && !forced && !isTooShort(held, minTtlMs)) {
      if (phase === 'fresh') return held.token;
      if (phase === 'soft') {
        if (pause.refusal(true) === undefined) startRenewal({ usable: held.token });
        return held.token;
      }
    }
    const fallback = forced ? undefined : usable();
    if (pending === undefined) {
      const refusal = pause.refusal(fallback !== undefined);
      if (refusal !== undefined) {
        if (fallback !== undefined) return fallback;
        throw refusal;
      }
    }
    const request: RenewRequest = {
      ...(fallback === undefined ? {} : { usable: fallback }),
      ...(forceRenew instanceof AccessToken ? { rejected: forceRenew } : {}),
      ...(forceRenew === true ? { forced: held?.token ?? true } : {}),
    };
    const isEarly = pending === undefined ? fallback !== undefined : pendingIsEarly;
    try {
      const token = await startRenewal(request);
      // What others made may be older than this caller wants.
      const isOld = held?.token === token && isTooShort(held, minTtlMs);
      return isOld ? await startRenewal({ usable: token }).catch(() => token) : token;
    } catch (error) {
      // A renewal that came too early to be needed takes nothing away.
      const left = forced || closing.signal.aborted ? undefined : usable();
      if (left !== undefined) return left;
      if (!isEarly || closing.signal.aborted) throw error;
      // It had a token to fall back on when it began, and has none now.
      const { usable: _ended, ...withoutToken } = request;
      return startRenewal(withoutToken);
    }
  }

  return {
    async getToken(request = {}) {
      checkGetTokenOptions(request);
      request.signal?.throwIfAborted();
      return untilAborted(next(request), request.signal);
    },
    peekToken: () => (closing.signal.aborted ? undefined : usable()),
    close() {
      closing.abort(new ImsvaultError('ERR_ABORTED', 'this token provider is closed'));
      held = undefined;
    },
  };
}
