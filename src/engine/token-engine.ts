import type { Clock } from '../clock.js';
import { type LoadOptions, loadProfile, type ProviderBlock, type ResolvedProfile } from '../config/load.js';
import { type OpenDeps, openCredentialSource } from '../config/open.js';
import { createSharedProviders } from '../config/provider-pool.js';
import { createExchanger, type Exchanger } from '../ims/exchange.js';
import type { HttpClient } from '../net/http-client.js';
import { proxySettingsFromEnv } from '../net/proxy-settings.js';
import { createExchangeRenewal, type Renewed } from '../token/exchange-renewal.js';
import type { TokenFrom } from '../token/held-token.js';
import type { RenewRequest } from '../token/renew-request.js';
import type { RenewalPolicy } from '../token/renewal-schedule.js';
import type { TokenEvent } from '../token/token-events.js';
import { createImsClients } from './ims-client.js';
import { type MachineCache, watchForCache } from './machine-cache.js';
import { createSharedRenewal } from './shared-renewal.js';

export interface EngineDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Told what is odd but stops nothing; no secret in it. */
  warn: (message: string) => void;
  /** Told of exchanges, and of what happens at the token store; must not throw. */
  onEvent?: (event: TokenEvent) => void;
}

/** A profile, opened: what the library, the CLI and every other face runs on. */
export interface TokenEngine {
  readonly profile: ResolvedProfile;
  /** Undefined: a consumer of tokens that others renew. */
  readonly credentials: ProviderBlock | undefined;
  /** What providers of this profile are opened with. */
  readonly openDeps: OpenDeps;
  /** The client that speaks to IMS. */
  readonly imsHttp: HttpClient;
  readonly exchanger: Exchanger;
  readonly renewal: RenewalPolicy;
  /** The next token: from the token store where there is one, else by an exchange. */
  renew(request: RenewRequest, signal: AbortSignal): Promise<TokenFrom>;
  /** Lets go of the clients; those that other profiles use too stay open. */
  close(): Promise<void>;
}

/** Opens profiles that share clients of stores and of IMS where their settings are equal. */
export interface TokenEngines {
  /**
   * Connects a profile's parts; reads no secret yet.
   * @throws ERR_CONFIG_INVALID for what stands in a file that the profile names
   */
  open(profile: ResolvedProfile, own?: OwnDeps): Promise<TokenEngine>;
}

/** What one profile has that the others have not. */
export interface OwnDeps extends Partial<Pick<EngineDeps, 'warn' | 'onEvent'>> {
  /** Default: processes of this machine share no token through a file. */
  cache?: Pick<MachineCache, 'before' | 'sightings' | 'close'> | undefined;
}

export interface TokenEnginesDeps extends EngineDeps {
  env: LoadOptions['env'];
  /** Sockets to each token endpoint. Default 1. */
  imsConnections?: number;
}

export function createTokenEngines(deps: TokenEnginesDeps): TokenEngines {
  const { clock, random, env } = deps;
  const shared = { clock, random, env, proxy: proxySettingsFromEnv(env), warn: deps.warn };
  const providers = createSharedProviders(shared);
  const imsClients = createImsClients(clock, shared.proxy, deps.imsConnections ?? 1);

  return {
    async open(profile, { warn = deps.warn, onEvent = deps.onEvent ?? (() => undefined), cache } = {}) {
      const { ims, credentials, tokenStore, baseDir } = profile;
      const openDeps: OpenDeps = { ...shared, baseDir, warn };
      const imsLease = imsClients.lease();
      const imsHttp = await imsLease.open(ims);
      const pool = providers.lease(baseDir);
      const source = credentials === undefined ? undefined : openCredentialSource(credentials, openDeps, pool);
      const exchanger = createExchanger({
        tokenEndpoint: ims.tokenEndpoint,
        http: imsHttp,
        clock,
        random,
        timeoutMs: ims.timeoutMs,
        retry: ims.retry,
        scope: ims.scope,
        orgId: ims.orgId,
        clientId: ims.clientId,
        clientIdSource: profile.origins.get('ims.clientId'),
        warn,
      });
      const renewByExchange =
        source && createExchangeRenewal({ source, exchanger, clock, timeoutMs: ims.timeoutMs, warn });
      const exchange: Exchange | undefined =
        renewByExchange &&
        (async (signal) => {
          const renewed = await renewByExchange(signal);
          onEvent({ type: 'exchanged' });
          return renewed;
        });
      const credentialVersion =
        source &&
        (async (signal: AbortSignal) => {
          const { version } = await source.readCredential({ signal, fresh: true });
          // An id of a store that keeps no versions is this process's own, and tells others nothing.
          return version.createdAt === undefined ? undefined : version.id;
        });
      const sightings = cache && (() => cache.sightings(profile));
      const fleetDeps = { ...openDeps, pool, exchange, credentialVersion, onEvent, sightings };
      const fleet = tokenStore && createSharedRenewal(tokenStore, profile, fleetDeps);
      const renew = fleet?.renew ?? exchangeOnly(exchange);
      return {
        profile,
        credentials,
        openDeps,
        imsHttp,
        exchanger,
        renewal: profile.renewal,
        renew: cache?.before(renew, profile) ?? renew,
        async close() {
          await fleet?.close();
          await cache?.close();
          await Promise.all([pool.close(), imsLease.close()]);
        },
      };
    },
  };
}

export interface OpenEngineDeps extends EngineDeps {
  /** Whether the machine's cache is used, given what the config says. Default: no. */
  useCache?: (configured: boolean | undefined) => boolean;
}

/**
 * Loads one profile and connects its parts; reads no secret yet.
 * @throws ERR_CONFIG_INVALID | ERR_PROVIDER_NOT_INSTALLED
 */
export async function openTokenEngine(options: LoadOptions, deps: OpenEngineDeps): Promise<TokenEngine> {
  const machine = watchForCache(options, deps);
  const { env } = machine;
  const profile = await loadProfile({ ...options, env });
  for (const warning of profile.warnings) deps.warn(warning);
  const isCached = deps.useCache?.(profile.cache) === true;
  return createTokenEngines({ ...deps, env }).open(profile, { cache: isCached ? machine : undefined });
}

type Exchange = (signal: AbortSignal) => Promise<Renewed>;

function exchangeOnly(exchange: Exchange | undefined): TokenEngine['renew'] {
  // The config gives credentials by default, unless there is a token store.
  if (exchange === undefined) throw new TypeError('a profile without credentials has a token store');
  return async (_request, signal) => {
    const { token, source } = await exchange(signal);
    return { token, source: source.provider };
  };
}
