import type { Meaning } from './faults.js';
import type { JumpClock } from './jump-clock.js';
import type { Trouble } from './link.js';

export const CREDENTIAL = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' };

/** One secret of one store, and what can befall it there. */
export interface Ground {
  /** The server's origin; undefined: the store is on this machine. */
  url?: string;
  /** The `credentials` block of a config, by way of `url`. */
  block(url: string): object;
  env: Record<string, string | undefined>;
  trouble: Trouble;
  close?(): Promise<unknown>;
}

/** Something that a store says no to. */
export interface Refusal {
  fault: string;
  means: Meaning;
  /** A secret of its own, and this fault for it. */
  open(clock: JumpClock): Promise<Ground>;
}

/** All that one store can refuse. */
export interface RefusingStore {
  provider: string;
  start(): Promise<unknown>;
  refusals: readonly Refusal[];
  close(): Promise<unknown>;
}
