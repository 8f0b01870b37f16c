import type { Clock } from '../clock.js';
import type { Exchanged, Exchanger } from '../ims/exchange.js';
import type { CredentialSource, ReadCredential } from '../secret/credential-source.js';
import { createCredentialMemory, isInvalidClient, tryOthers } from './credential-failover.js';

/** A new token, and where its credential came from. */
export interface Renewed extends Exchanged {
  source: ReadCredential;
}

export interface ExchangeRenewalOptions {
  source: CredentialSource;
  exchanger: Exchanger;
  clock: Clock;
  /** Upper bound of all exchanges of one renewal together, in milliseconds. */
  timeoutMs: number;
  /** Told which credential worked where the one to use was rejected; no secret in it. */
  warn: (message: string) => void;
}

/**
 * Renewal by an exchange. The credential is read from its store each time, so a rotation needs no restart, and the
 * connection to IMS is made meanwhile, so its handshakes cost nothing. Where IMS answers `invalid_client`, the
 * credential is read again, and what else the store holds of it is tried: at most four exchanges, none of them twice.
 */
export function createExchangeRenewal(options: ExchangeRenewalOptions): (signal?: AbortSignal) => Promise<Renewed> {
  const { source, exchanger, clock, timeoutMs } = options;
  const memory = createCredentialMemory();

  return async (signal) => {
    signal?.throwIfAborted();
    exchanger.connectAhead();
    const read = await source.readCredential(signal === undefined ? {} : { signal });
    const first = memory.recall(read) ?? { credential: read.credential, source: read };
    const endsAt = clock.monotonic() + timeoutMs;
    try {
      return { ...(await exchanger.exchange(first.credential, signal, first.source.provider)), source: first.source };
    } catch (error) {
      if (!isInvalidClient(error)) throw error;
      return tryOthers({ read, first, error, endsAt, memory, signal }, options);
    }
  };
}
