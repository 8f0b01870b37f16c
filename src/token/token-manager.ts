import { AccessToken } from '../access-token.js';
import type { Clock } from '../clock.js';
import { untilAborted } from '../deadline.js';
import { ImsvaultError } from '../errors.js';
import { backgroundInterval, createBackgroundRenewal } from './background-renewal.js';
import { createFailurePause } from './failure-pause.js';
import { checkGetTokenOptions, type GetTokenOptions } from './get-token-options.js';
import { type HeldToken, holdToken, type TokenFrom } from './held-token.js';
import type { RenewRequest } from './renew-request.js';
import { DEFAULT_RENEWAL, type RenewalPolicy, type TokenPhase } from './renewal-schedule.js';
import type { TokenEvent, TokenFailure } from './token-events.js';
import { describeFailure, describeHeld, type TokenStatus } from './token-status.js';
import { createTurnCredit } from './turn-credit.js';

/** How a token is wanted. */
export interface TokenManagerOptions {
  /** Gets a new token from where tokens come from. Its signal aborts only when the manager closes. */
  renew: (request: RenewRequest, signal: AbortSignal) => Promise<TokenFrom>;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Read for each token: it may become known with the first renewal only. Default {@link DEFAULT_RENEWAL}. */
  readonly renewal?: RenewalPolicy;
  /** Told of `renewed` and `renewal-failed`; must not throw. */
  onEvent?: (event: TokenEvent) => void;
}

/** Of a token that had ended when it came: its machine slept meanwhile, or others had used up all but the end of it. */
const MAX_TRIES_AGAIN = 3;

/** Keeps one token and renews it in time. */
export interface TokenManager {
  getToken(options?: GetTokenOptions): Promise<AccessToken>;
  peekToken(): AccessToken | undefined;
  status(): Omit<TokenStatus, 'counters'>;
  close(): void;
}

export function createTokenManager(options: TokenManagerOptions): TokenManager {
  const { renew, clock, random, onEvent } = options;
  const policy = () => options.renewal ?? DEFAULT_RENEWAL;
  const softRandom = random();
  const pause = createFailurePause(clock, random);
  const closing = new AbortController();
  const background = createBackgroundRenewal(clock, dueInMs, () => startRenewal(plainRequest()));
  const credit = createTurnCredit(clock);
  let held: HeldToken | undefined;
  let pending: Promise<AccessToken> | undefined;
  /** Whether the pending renewal had a token to fall back on, and so may do less than it could. */
  let pendingIsEarly = false;
  /** The start of the last renewal; monotonic. */
  let begunAt = 0;
  let lastError: TokenFailure | undefined;

  /** Single flight: whoever comes while a renewal runs gets that one's result. */
  function startRenewal(request: RenewRequest): Promise<AccessToken> {
    if (pending !== undefined) return pending;
    const isEarly = request.usable !== undefined;
    pendingIsEarly = isEarly;
    const requestedAt = clock.monotonic();
    begunAt = requestedAt;
    const renewed = renew(request, closing.signal)
      .then(
        (from) => {
          closing.signal.throwIfAborted();
          hold(from, requestedAt);
          return from.token;
        },
        (error: unknown) => {
          fail(error, isEarly, requestedAt);
          throw error;
        },
      )
      .finally(() => {
        pending = undefined;
        background.arm();
      });
    // A renewal that nobody waits for must not end the process.
    renewed.catch(() => undefined);
    pending = renewed;
    return renewed;
  }

  function hold(from: TokenFrom, requestedAt: number): void {
    pause.succeeded();
    lastError = undefined;
    const isNew = held?.token !== from.token;
    held = holdToken(from, requestedAt, clock, policy(), softRandom);
    credit.revoke();
    if (!isNew) return;
    const { source, generation, token } = from;
    onEvent?.({
      type: 'renewed',
      source,
      clientId: token.clientId,
      expiresAt: token.expiresAt,
      durationMs: clock.monotonic() - requestedAt,
      ...(generation === undefined ? {} : { generation }),
    });
  }

  function fail(error: unknown, isEarly: boolean, requestedAt: number): void {
    if (closing.signal.aborted) return;
    pause.failed(error, isEarly);
    // Another process renews, and nobody has to wait: no failure.
    if (isEarly && error instanceof ImsvaultError && error.code === 'ERR_TOKEN_WAIT_TIMEOUT') return;
    lastError = describeFailure(error, clock.now(), pause.leftMs(usable() !== undefined));
    onEvent?.({ type: 'renewal-failed', ...lastError, durationMs: clock.monotonic() - requestedAt });
  }

  /** Milliseconds until the token held is to be renewed without a call. */
  function dueInMs(): number | undefined {
    if (held === undefined || !policy().background) return undefined;
    // With nobody waiting the long pauses do, also when the token has ended.
    const intervalMs = begunAt + backgroundInterval(held.lifeMs) - clock.monotonic();
    return Math.max(held.schedule.softMs - held.ageMs(), pause.leftMs(true), intervalMs);
  }

  /** One that has ended is named: a cache or a store that knows less of its age must not give it again. */
  function plainRequest(): RenewRequest {
    const token = usable();
    if (token !== undefined) return { usable: token };
    return held === undefined ? {} : { forced: held.token };
  }

  function phase(): TokenPhase {
    const current = held?.phase() ?? 'expired';
    if (current === 'fresh') credit.grant();
    return current;
  }

  function usable(): AccessToken | undefined {
    return held !== undefined && phase() !== 'expired' ? held.token : undefined;
  }

  function isRejected({ token }: HeldToken, forceRenew: boolean | AccessToken | undefined): boolean {
    // By value: a token that is read from the store twice is two objects.
    return forceRenew instanceof AccessToken ? forceRenew.accessToken === token.accessToken : forceRenew === true;
  }

  /** What a renewal is asked for: a token newer than the one named, so that the whole fleet renews once. */
  function requestFor(forceRenew: boolean | AccessToken | undefined, fallback: AccessToken | undefined): RenewRequest {
    if (fallback !== undefined) return { usable: fallback };
    if (forceRenew === true) return { forced: held?.token ?? true };
    if (!(forceRenew instanceof AccessToken)) return plainRequest();
    return { rejected: held !== undefined && isRejected(held, forceRenew) ? held.token : forceRenew };
  }

  /** True where the held token has too little life left and a new one would have more. */
  function isTooShort(current: HeldToken, minTtlMs: number): boolean {
    const leftMs = current.lifeMs - current.ageMs();
    return (leftMs <= 0 || leftMs < minTtlMs) && (current.lifeMs > minTtlMs || current.phase() !== 'fresh');
  }

  /** @param short a token that has just come; better than none while it lasts */
  async function startAgain(short: AccessToken): Promise<AccessToken> {
    for (let tries = 1; tries <= MAX_TRIES_AGAIN; tries++) {
      const token = await startRenewal(plainRequest()).catch((error: unknown) => {
        if (hasEnded(short)) throw error;
        return short;
      });
      if (!hasEnded(token)) return token;
    }
    throw new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'each token had ended when it came');
  }

  function hasEnded(token: AccessToken): boolean {
    return held?.token === token && held.ageMs() >= held.lifeMs;
  }

  /** The token held, where it will do. Begins its renewal when it is time. */
  function heldFor({ forceRenew, minTtlMs = 0 }: GetTokenOptions): AccessToken | undefined {
    const current = phase();
    if (held === undefined || isRejected(held, forceRenew) || isTooShort(held, minTtlMs)) return undefined;
    if (current !== 'fresh' && current !== 'soft') return undefined;
    if (current === 'soft' && pause.refusal(true) === undefined) startRenewal({ usable: held.token });
    return held.token;
  }

  async function next({ forceRenew, minTtlMs = 0 }: GetTokenOptions): Promise<AccessToken> {
    closing.signal.throwIfAborted();
    const forced = held !== undefined && isRejected(held, forceRenew);
    const fallback = forced ? undefined : usable();
    if (pending === undefined) {
      const refusal = pause.refusal(fallback !== undefined);
      if (refusal !== undefined) {
        if (fallback !== undefined) return fallback;
        throw refusal;
      }
    }
    const isJoined = pending !== undefined;
    const request = requestFor(forceRenew, fallback);
    const isEarly = pending === undefined ? fallback !== undefined : pendingIsEarly;
    try {
      const token = await startRenewal(request);
      // Those who asked before may not have known that it is refused.
      if (isJoined && forceRenew instanceof AccessToken && forceRenew.accessToken === token.accessToken) {
        return startRenewal(requestFor(forceRenew, undefined));
      }
      // What others made may be older than this caller wants; while a machine sleeps, a token may end on its way.
      const isOld = held?.token === token && isTooShort(held, minTtlMs);
      return isOld ? await startAgain(token) : token;
    } catch (error) {
      // A renewal that came too early to be needed takes nothing away.
      const left = forced || closing.signal.aborted ? undefined : usable();
      if (left !== undefined) return left;
      if (!isEarly || closing.signal.aborted) throw error;
      // It had a token to fall back on when it began, and has none now.
      return startRenewal(requestFor(forceRenew, undefined));
    }
  }

  async function tokenFor(request: GetTokenOptions = {}): Promise<AccessToken> {
    checkGetTokenOptions(request);
    request.signal?.throwIfAborted();
    return heldFor(request) ?? untilAborted(next(request), request.signal);
  }

  return {
    getToken(request) {
      if (request === undefined && held !== undefined && credit.take()) return held.settled;
      return tokenFor(request);
    },
    peekToken: () => (held !== undefined && credit.take() ? held.token : usable()),
    status: () => ({
      phase: held?.phase() ?? 'none',
      renewing: pending !== undefined,
      ...(held === undefined ? {} : { token: describeHeld(held, clock) }),
      ...(lastError === undefined ? {} : { lastError }),
    }),
    close() {
      closing.abort(new ImsvaultError('ERR_ABORTED', 'this token provider is closed'));
      background.stop();
      credit.revoke();
      held = undefined;
    },
  };
}
