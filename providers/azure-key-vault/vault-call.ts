import type { Clock } from '../../src/clock.js';
import { type Permission, type RestErrorShape, type VaultAnswer, vaultError } from './vault-error.js';

/** What every method of `SecretClient` takes. */
export interface CallOptions {
  abortSignal: AbortSignal;
  onResponse: (response: VaultAnswer) => void;
}

export interface CallTarget {
  /** The secret and its vault, for the text of errors. */
  place: string;
  /** What the request needs. */
  permission: Permission;
  signal: AbortSignal;
  /** Told of the answer, whatever it is; of further pages of a list by older versions of the SDK only. */
  onAnswer?: (answer: VaultAnswer) => void;
}

/**
 * One request by the SDK.
 * @throws ImsvaultError, or `signal.reason`
 */
export type VaultCall = <T>(target: CallTarget, request: (options: CallOptions) => Promise<T>) => Promise<T>;

/** @param onUnauthorized called when the vault refuses the token itself */
export function createVaultCall(clock: Clock, onUnauthorized: () => void): VaultCall {
  return async ({ place, permission, signal, onAnswer }, request) => {
    const answers: VaultAnswer[] = [];
    const onResponse = (answer: VaultAnswer) => {
      answers.push(answer);
      onAnswer?.(answer);
    };
    try {
      signal.throwIfAborted();
      return await request({ abortSignal: signal, onResponse });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // A further page of a list answers to the first one's onResponse, or to none.
      const answer = answers.at(-1) ?? (error as RestErrorShape | undefined)?.response;
      if (answer?.status === 401) onUnauthorized();
      throw vaultError(error, place, permission, clock, answer);
    }
  };
}

/** The vault's clock, Unix milliseconds; empty where its answer does not tell. */
export function serverTimeOf(answer: VaultAnswer | undefined): { serverTime?: number } {
  const serverTime = Date.parse(answer?.headers.get('date') ?? '');
  return Number.isNaN(serverTime) ? {} : { serverTime };
}
