import { AccessToken } from '../../access-token.js';
import { reveal } from '../../redacted.js';
import { phaseAt, renewalSchedule, type TokenPhase } from '../renewal-schedule.js';
import type { StoredDocument } from './document-access.js';
import type { FleetOptions } from './fleet-options.js';
import type { PublishedToken } from './published-token.js';

/** The token that a renewal starts from. */
export interface Held {
  token: AccessToken | undefined;
  /** Undefined: it did not come through the store. */
  generation: number | undefined;
}

/** Which published tokens this process takes over, and which generation its tokens are of. */
export interface Adoption {
  heldToken(token: AccessToken | undefined): Held;
  /** A token that this process made now stands in the store. */
  wasPublished(token: AccessToken, generation: number): void;
  /** @returns the document's token if it is one to use in place of `held` */
  newerToken(seen: StoredDocument, held: Held): PublishedToken | undefined;
  adopt(seen: StoredDocument, published: PublishedToken): AccessToken;
  /** @param clockOffsetMs the servers' clock less this machine's */
  phaseOf(published: PublishedToken, clockOffsetMs: number): TokenPhase;
}

export function createAdoption({
  identity,
  clientId,
  renewal,
  clock,
}: Pick<FleetOptions, 'identity' | 'clientId' | 'renewal' | 'clock'>): Adoption {
  const generations = new WeakMap<AccessToken, number>();

  const adoption: Adoption = {
    heldToken: (token) => ({ token, generation: token === undefined ? undefined : generations.get(token) }),
    wasPublished: (token, generation) => void generations.set(token, generation),
    newerToken({ document, clockOffsetMs }, held) {
      const published = document?.identity === identity ? document.token : undefined;
      if (document === undefined || published === undefined) return undefined;
      if (clientId !== undefined && published.clientId !== clientId) return undefined;
      if (adoption.phaseOf(published, clockOffsetMs) === 'expired') return undefined;
      // A store that was set back, or a late write of an older document, must not cost an exchange of everybody.
      const outlives =
        held.token !== undefined &&
        reveal(published.accessToken) !== held.token.accessToken &&
        published.expiresAt - clockOffsetMs > held.token.expiresAt;
      const isNewer =
        held.generation === undefined
          ? held.token === undefined || outlives
          : document.generation > held.generation || outlives;
      return isNewer ? published : undefined;
    },
    adopt({ document, clockOffsetMs }, published) {
      const token = new AccessToken({
        ...published,
        accessToken: reveal(published.accessToken),
        // The document's times are the servers'; from here on this machine's clock reckons.
        expiresAt: published.expiresAt - clockOffsetMs,
        issuedAt: published.issuedAt - clockOffsetMs,
      });
      if (document !== undefined) generations.set(token, document.generation);
      return token;
    },
    phaseOf: ({ issuedAt, expiresAt }, clockOffsetMs) =>
      phaseAt(renewalSchedule(renewal, expiresAt - issuedAt, 0), clock.now() + clockOffsetMs - issuedAt),
  };
  return adoption;
}
