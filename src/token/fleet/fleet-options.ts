import type { AccessToken } from '../../access-token.js';
import type { Clock } from '../../clock.js';
import type { Exchanged } from '../../ims/exchange.js';
import type { RenewRequest } from '../renew-request.js';
import type { RenewalPolicy } from '../renewal-schedule.js';
import type { SightingMemory } from './claim-watch.js';
import type { TokenStore } from './token-store.js';

export type { Exchanged };

/** What happened, for counters and logs. */
export type FleetEvent =
  | 'adopted'
  | 'claimed'
  | 'claim-lost'
  | 'exchanged'
  | 'published'
  | 'publish-failed'
  | 'publish-lost'
  | 'annotated'
  | 'annotate-failed'
  | 'uncoordinated'
  | 'store-unavailable'
  | 'identity-mismatch';

export interface FleetOptions {
  store: TokenStore;
  identity: string;
  /** The only client whose tokens are taken over; part of the identity. Default: any. */
  clientId?: string | undefined;
  /** With `onMismatch: replace`, a document of another identity gives way to a higher revision only. Default 0. */
  identityRevision?: number;
  tokenEndpoint: string;
  /** Reads the credential and exchanges it. Absent: a consumer, which only reads the document. */
  exchange?: (signal: AbortSignal) => Promise<Exchanged>;
  /** The credential's current version, by its store's own id; undefined where the store numbers none. */
  credentialVersion?: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** A new UUID. */
  newId: () => string;
  renewal: RenewalPolicy;
  /** 1,000–120,000. Default 20,000. */
  claimTtlMs?: number;
  onMismatch: 'exchange' | 'replace' | 'fail';
  onUnavailable: 'exchange' | 'fail';
  /** Default: first sightings of claims are known to this process only. */
  sightings?: SightingMemory | undefined;
  warn: (message: string) => void;
  onEvent?: (event: FleetEvent) => void;
}

/** One process's part in a fleet that shares a token through a store. */
export interface FleetRenewal {
  /**
   * The next token: adopted from the store, or exchanged by whoever wins the claim.
   * @throws ImsvaultError; with `retryAfterMs` when another process renews and `request.usable` makes waiting needless
   */
  renew(request: RenewRequest, signal: AbortSignal): Promise<AccessToken>;
  /** Of a token that `renew` gave; undefined where it is not in the store. */
  generationOf(token: AccessToken): number | undefined;
  /** Waits for metadata that is being written; ends what is to be published later. */
  close(): Promise<void>;
}
