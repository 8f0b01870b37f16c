import type { AccessToken } from '../../../src/access-token.js';
import { createCachedRenewal } from '../../../src/token/cache/cached-renewal.js';
import { createSightingMemory } from '../../../src/token/cache/sightings.js';
import { openTokenCache } from '../../../src/token/cache/token-cache.js';
import type { FleetEvent, FleetRenewal } from '../../../src/token/fleet/fleet-options.js';
import { createFleetRenewal } from '../../../src/token/fleet/fleet-renewal.js';
import { createTokenStore } from '../../../src/token/fleet/token-store.js';
import type { TokenFrom } from '../../../src/token/held-token.js';
import type { RenewRequest } from '../../../src/token/renew-request.js';
import { DEFAULT_RENEWAL } from '../../../src/token/renewal-schedule.js';
import { createTokenManager, type TokenManager } from '../../../src/token/token-manager.js';
import { EXCHANGE_TIMEOUT_MS, type SimulatedEmulator } from './emulated-ims.js';
import type { SimulatedStore } from './servers.js';
import type { Machine } from './world.js';

const CLAIM_TTL_MS = 20_000;
/** As src/engine/machine-cache.ts has it. */
const MAX_CACHE_WAIT_MS = EXCHANGE_TIMEOUT_MS + 30_000;

export interface ProcessOptions {
  machine: Machine;
  random: () => number;
  ims: SimulatedEmulator;
  /** Where the fleet meets; without it the process is on its own. */
  store?: SimulatedStore | undefined;
  /** `XDG_RUNTIME_DIR` of a machine that keeps its token in a file. */
  runtime?: string | undefined;
  /** Which start of the machine it is. */
  bootId?: string;
  onEvent?: (event: FleetEvent) => void;
  warn?: (message: string) => void;
  newId: () => string;
}

type Renew = (request: RenewRequest, signal: AbortSignal) => Promise<TokenFrom>;

/** A process as src/engine puts it together: manager, machine's cache, fleet, exchange. */
export function startProcess(options: ProcessOptions): TokenManager {
  const { machine, random, ims, store, runtime, bootId = 'boot', onEvent, warn = () => undefined, newId } = options;
  const { clock } = machine;
  const exchange = ims.connect(machine);
  const uid = process.getuid?.() ?? 0;
  const boot = () => ({ id: bootId, ms: Math.floor(machine.uptimeMs()) });

  function fleetOf({ store, folder }: { store: SimulatedStore; folder: string | undefined }): FleetRenewal {
    return createFleetRenewal({
      store: createTokenStore(store.connect(machine), clock),
      identity: 'x'.repeat(43),
      tokenEndpoint: 'https://ims.invalid/ims/token/v3',
      ...{ exchange, clock, random, newId, warn, claimTtlMs: CLAIM_TTL_MS, renewal: DEFAULT_RENEWAL },
      ...{ onMismatch: 'exchange' as const, onUnavailable: 'exchange' as const },
      ...(onEvent === undefined ? {} : { onEvent }),
      ...(folder === undefined ? {} : { sightings: createSightingMemory({ folder, uid, boot }) }),
    });
  }

  async function open(): Promise<Renew> {
    const cache =
      runtime === undefined
        ? undefined
        : await openTokenCache({
            facts: { version: '1', uid, config: 'x', profile: undefined, set: [], env: { XDG_RUNTIME_DIR: runtime } },
            ...{ namesRead: () => [], files: () => [], policy: DEFAULT_RENEWAL, clock, boot, random, warn },
          });
    const fleet = store === undefined ? undefined : fleetOf({ store, folder: cache?.folder });
    const renew: Renew = async (request, signal) => {
      if (fleet === undefined) return { token: (await exchange(signal)).token, source: 'simulated' };
      const token: AccessToken = await fleet.renew(request, signal);
      return { token, source: 'token-store', generation: fleet.generationOf(token) };
    };
    if (cache === undefined) return renew;
    return createCachedRenewal({ cache, renew, clock, random, maxWaitMs: MAX_CACHE_WAIT_MS, warn });
  }

  let opened: Promise<Renew> | undefined;
  return createTokenManager({
    async renew(request, signal) {
      opened ??= open();
      return (await opened)(request, signal);
    },
    ...{ clock, random },
  });
}
