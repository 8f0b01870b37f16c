import { AccessToken } from '../access-token.js';

/** How a token is wanted. Any other key is a `TypeError`. */
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

const KNOWN = { signal: true, forceRenew: true, minTtlMs: true } satisfies Record<keyof GetTokenOptions, true>;

/** @throws TypeError that names the option; callers without types get no other warning */
export function checkGetTokenOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null) throw new TypeError('getToken takes an object of options');
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(KNOWN, key));
  if (unknown !== undefined) {
    throw new TypeError(`getToken has no option "${unknown}"; it takes signal, forceRenew and minTtlMs`);
  }
  const { signal, forceRenew, minTtlMs } = options as Readonly<Record<string, unknown>>;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal');
  if (forceRenew !== undefined && typeof forceRenew !== 'boolean' && !(forceRenew instanceof AccessToken)) {
    throw new TypeError('forceRenew must be a boolean or an AccessToken');
  }
  if (minTtlMs !== undefined && !(Number.isFinite(minTtlMs) && (minTtlMs as number) >= 0)) {
    throw new TypeError('minTtlMs must be a finite number of milliseconds, 0 or more');
  }
}
