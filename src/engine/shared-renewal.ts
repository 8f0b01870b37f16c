import { randomUUID } from 'node:crypto';
import type { ResolvedProfile, TokenStoreSettings } from '../config/load.js';
import type { OpenDeps } from '../config/open.js';
import type { ProviderPool } from '../config/provider-pool.js';
import { untilAborted } from '../deadline.js';
import { ConfigInvalidError, inWords } from '../errors.js';
import type { Renewed } from '../token/exchange-renewal.js';
import type { SightingMemory } from '../token/fleet/claim-watch.js';
import { createDocumentAccess } from '../token/fleet/document-access.js';
import type { FleetRenewal } from '../token/fleet/fleet-options.js';
import { createFleetRenewal } from '../token/fleet/fleet-renewal.js';
import { createTokenStore } from '../token/fleet/token-store.js';
import type { TokenFrom } from '../token/held-token.js';
import type { RenewRequest } from '../token/renew-request.js';
import type { TokenEvent } from '../token/token-events.js';

export interface SharedRenewalDeps extends OpenDeps {
  pool: ProviderPool;
  /** Undefined: a consumer. */
  exchange: ((signal: AbortSignal) => Promise<Renewed>) | undefined;
  /** Where first sightings of others' claims outlive this process. */
  sightings: (() => Promise<SightingMemory | undefined>) | undefined;
  /** The credential's current version; see FleetOptions. */
  credentialVersion: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
  onEvent: (event: TokenEvent) => void;
}

export interface SharedRenewal {
  renew(request: RenewRequest, signal: AbortSignal): Promise<TokenFrom>;
  close(): Promise<void>;
}

/** Renewal through the profile's token store, which is opened with the first call. */
export function createSharedRenewal(
  settings: TokenStoreSettings,
  profile: ResolvedProfile,
  deps: SharedRenewalDeps,
): SharedRenewal {
  const { exchange, clock, random, warn, pool, sightings, credentialVersion, onEvent } = deps;
  const { ims } = profile;
  /** The providers that the tokens of this process's own exchanges came from. */
  const exchanged = new WeakMap<TokenFrom['token'], string>();
  let fleet: FleetRenewal | undefined;
  let warned = false;

  async function open(): Promise<FleetRenewal> {
    const provider = await pool.open(settings);
    if (provider.replaceSecret === undefined && provider.putSecret === undefined && exchange !== undefined) {
      throw new ConfigInvalidError([
        { path: 'tokenStore.provider', message: `${provider.name} cannot store tokens in this version` },
      ]);
    }
    const { ref, timeoutMs, create, identity, identityRevision } = settings;
    return createFleetRenewal({
      store: createTokenStore(createDocumentAccess({ provider, ref, clock, timeoutMs, create }), clock),
      identity,
      identityRevision,
      clientId: ims.clientId,
      tokenEndpoint: ims.tokenEndpoint,
      ...(exchange === undefined
        ? {}
        : {
            exchange: async (signal) => {
              const renewed = await exchange(signal);
              exchanged.set(renewed.token, renewed.source.provider);
              return renewed;
            },
          }),
      credentialVersion,
      clock,
      random,
      newId: randomUUID,
      renewal: profile.renewal,
      onMismatch: settings.onMismatch,
      onUnavailable: settings.onUnavailable,
      sightings: await sightings?.(),
      warn,
      onEvent: (type) => {
        // The exchange tells of itself.
        if (type !== 'exchanged') onEvent({ type });
      },
    });
  }

  /** A store that cannot be used costs its sharing, not the token. */
  async function exchangeWithout(error: unknown, signal: AbortSignal): Promise<TokenFrom> {
    if (exchange === undefined || settings.onUnavailable === 'fail') throw error;
    if (!warned) warn(`the token store is not used: ${inWords(error)}`);
    warned = true;
    const { token, source } = await exchange(signal);
    return { token, source: source.provider };
  }

  return {
    async renew(request, signal) {
      if (fleet === undefined) {
        const opened = await untilAborted(open(), signal).catch((error: unknown) => ({ error }));
        signal.throwIfAborted();
        if ('error' in opened) return exchangeWithout(opened.error, signal);
        fleet = opened;
      }
      const token = await fleet.renew(request, signal);
      return { token, source: exchanged.get(token) ?? 'token-store', generation: fleet.generationOf(token) };
    },
    close: async () => fleet?.close(),
  };
}
