import type { FleetOptions } from './fleet-options.js';
import type { GenerationGuard } from './generation-guard.js';
import type { TokenDocument } from './token-document.js';
import type { StoredDocument } from './token-store.js';

/** Which documents are this fleet's. */
export interface Ownership {
  /** Whether it is a document for another endpoint, scope, organisation or client, which is not to be replaced. */
  isForeign(seen: StoredDocument): boolean;
  /** What the next generation builds on. */
  baseOf(document: TokenDocument | undefined): TokenDocument;
}

export function createOwnership(
  {
    identity,
    clientId,
    identityRevision = 0,
    tokenEndpoint,
    onMismatch,
    exchange,
  }: Pick<FleetOptions, 'identity' | 'clientId' | 'identityRevision' | 'tokenEndpoint' | 'onMismatch' | 'exchange'>,
  guard: GenerationGuard,
): Ownership {
  return {
    isForeign({ document }) {
      if (document === undefined) return false;
      if (document.identity === identity) {
        const found = document.token?.clientId;
        // Written by one that did not hold to the identity: whoever can renew puts the next generation in its place.
        return exchange === undefined && clientId !== undefined && found !== undefined && found !== clientId;
      }
      // In one direction only: two profiles that both replace would take turns for ever.
      return onMismatch !== 'replace' || identityRevision <= document.identityRevision;
    },
    baseOf(document) {
      // It goes on rising, so that those who know an older document see a newer one.
      const generation = guard.highest;
      if (document?.identity === identity) {
        const { renewal: _dead, ...rest } = document;
        return { ...rest, generation, identityRevision: Math.max(identityRevision, document.identityRevision) };
      }
      return {
        identity,
        identityRevision,
        tokenEndpoint,
        generation,
        readOnly: false,
        unknown: document?.unknown ?? {},
      };
    },
  };
}
