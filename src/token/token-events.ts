import { tokenChannel } from '../channels.js';
import type { ErrorCode } from '../errors.js';
import { guarded } from '../listener.js';
import type { FleetEvent } from './fleet/fleet-options.js';

/** Something that happened to a profile's token. Holds neither a token nor a secret. */
export type TokenEvent = TokenRenewedEvent | TokenRenewalFailedEvent | { readonly type: FleetEvent };

/** A new token is held: by an exchange, or adopted from the token store. */
export interface TokenRenewedEvent {
  readonly type: 'renewed';
  /** The provider that had the credential, or `token-store`. */
  readonly source: string;
  readonly clientId: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  /** From the renewal's start, in milliseconds. */
  readonly durationMs: number;
  /** In the token store; absent for a token that is not there. */
  readonly generation?: number;
}

export interface TokenRenewalFailedEvent extends TokenFailure {
  readonly type: 'renewal-failed';
  /** From the renewal's start, in milliseconds. */
  readonly durationMs: number;
}

/** Why a renewal failed, and when there will be another. */
export interface TokenFailure {
  /** `ERR_UNEXPECTED` is an error that imsvault does not know. */
  readonly code: ErrorCode | 'ERR_UNEXPECTED';
  readonly message: string;
  readonly hint?: string;
  /** Whether it may pass without a change by anybody. */
  readonly retryable: boolean;
  /** Unix milliseconds. */
  readonly at: number;
  /** Before this moment no other renewal begins, Unix milliseconds. */
  readonly retryAt: number;
}

/** How often each kind of event has happened. */
export type TokenCounters = Readonly<Record<TokenEvent['type'], number>>;

/** Counts events, and passes them on: to the listener, and to the subscribers of the channel `imsvault:token`. */
export interface TokenEvents {
  /** Never throws. */
  emit(event: TokenEvent): void;
  /** A copy. */
  counters(): TokenCounters;
}

/**
 * @param listener what it throws, or rejects with, reaches nobody but `warn`
 * @param warn told of the first such fault
 */
export function createTokenEvents(
  listener: ((event: TokenEvent) => unknown) | undefined,
  warn: (message: string) => void,
): TokenEvents {
  const counters: Record<TokenEvent['type'], number> = {
    renewed: 0,
    'renewal-failed': 0,
    exchanged: 0,
    adopted: 0,
    claimed: 0,
    'claim-lost': 0,
    published: 0,
    'publish-lost': 0,
    'publish-failed': 0,
    annotated: 0,
    'annotate-failed': 0,
    uncoordinated: 0,
    'store-unavailable': 0,
    'identity-mismatch': 0,
  };
  let warned = false;

  function failed(): void {
    if (warned) return;
    warned = true;
    warn('a listener of token events failed; its error is dropped');
  }

  const tell = listener && guarded(listener, failed);

  return {
    emit(event) {
      counters[event.type]++;
      if (tokenChannel.hasSubscribers) tokenChannel.publish(event);
      tell?.(event);
    },
    counters: () => ({ ...counters }),
  };
}
