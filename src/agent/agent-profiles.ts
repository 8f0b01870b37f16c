import type { TokenProvider } from '../token-provider.js';

/** The profiles that an agent serves, as one config names them. A reload replaces the whole. */
export interface AgentProfiles {
  readonly names: readonly string[];
  /** Undefined where the config names none and has several. */
  readonly defaultName: string | undefined;
  /** @param name undefined: the default profile */
  get(name: string | undefined): TokenProvider | undefined;
}
