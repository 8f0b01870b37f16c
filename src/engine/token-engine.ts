import * as tls from 'node:tls';
import type { Clock } from '../clock.js';
import { type LoadOptions, loadProfile, type ProviderBlock, type ResolvedProfile } from '../config/load.js';
import { type OpenDeps, openCredentialSource } from '../config/open.js';
import { createProviderPool } from '../config/provider-pool.js';
import { ConfigInvalidError, ImsvaultError } from '../errors.js';
import { createExchanger, type Exchanger, MAX_TOKEN_RESPONSE_BYTES } from '../ims/exchange.js';
import { createHttpClient, type HttpClient } from '../net/http-client.js';
import { proxySettingsFromEnv } from '../net/proxy-settings.js';
import { readBoundedFile } from '../secret/secret-file.js';
import { createExchangeRenewal, type Renewed } from '../token/exchange-renewal.js';
import type { RenewRequest } from '../token/fleet-options.js';
import type { TokenFrom } from '../token/held-token.js';
import type { RenewalPolicy } from '../token/renewal-schedule.js';
import type { TokenEvent } from '../token/token-events.js';
import { watchForCache } from './machine-cache.js';
import { createSharedRenewal } from './shared-renewal.js';

export interface EngineDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Told what is odd but stops nothing; no secret in it. */
  warn: (message: string) => void;
  /** Told of exchanges, and of what happens at the token store; must not throw. */
  onEvent?: (event: TokenEvent) => void;
  /** Whether the machine's cache is used, given what the config says. Default: no. */
  useCache?: (configured: boolean | undefined) => boolean;
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
  close(): Promise<void>;
}

/**
 * Loads a profile and connects its parts; reads no secret yet.
 * @throws ERR_CONFIG_INVALID | ERR_PROVIDER_NOT_INSTALLED
 */
export async function openTokenEngine(options: LoadOptions, deps: EngineDeps): Promise<TokenEngine> {
  const { clock, random, warn, useCache, onEvent = () => undefined } = deps;
  const machine = watchForCache(options, deps);
  const { env } = machine;
  const profile = await loadProfile({ ...options, env });
  for (const warning of profile.warnings) warn(warning);
  const proxy = proxySettingsFromEnv(env);
  const { ims, credentials, tokenStore } = profile;
  const openDeps: OpenDeps = { clock, random, env, baseDir: profile.baseDir, proxy, warn };
  const pool = createProviderPool(openDeps);
  const source = credentials === undefined ? undefined : openCredentialSource(credentials, openDeps, pool);
  const imsHttp = createHttpClient(clock, proxy, {
    timeouts: ims.timeouts,
    maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES,
    // The request waits for the connection that was begun ahead instead of opening a second one.
    connections: 1,
    ...(ims.caFile === undefined ? {} : { tls: { ca: await authorities(ims.caFile) } }),
  });
  const exchanger = createExchanger({
    tokenEndpoint: ims.tokenEndpoint,
    http: imsHttp,
    clock,
    random,
    timeoutMs: ims.timeoutMs,
    retry: ims.retry,
    scope: ims.scope,
    orgId: ims.orgId,
    warn,
  });
  const renewByExchange = source && createExchangeRenewal({ source, exchanger, clock, timeoutMs: ims.timeoutMs, warn });
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
  const isCached = useCache?.(profile.cache) === true;
  const shared =
    tokenStore &&
    createSharedRenewal(tokenStore, profile, {
      ...openDeps,
      pool,
      exchange,
      credentialVersion,
      onEvent,
      sightings: isCached ? () => machine.sightings(profile) : undefined,
    });
  const renew = shared?.renew ?? exchangeOnly(exchange);
  return {
    profile,
    credentials,
    openDeps,
    imsHttp,
    exchanger,
    renewal: profile.renewal,
    renew: isCached ? machine.before(renew, profile) : renew,
    async close() {
      await shared?.close();
      await Promise.all([source?.close(), pool.close(), exchanger.close()]);
    },
  };
}

const MAX_CA_BYTES = 1024 * 1024;

type Exchange = (signal: AbortSignal) => Promise<Renewed>;

function exchangeOnly(exchange: Exchange | undefined): TokenEngine['renew'] {
  // The config gives credentials by default, unless there is a token store.
  if (exchange === undefined) throw new TypeError('a profile without credentials has a token store');
  return async (_request, signal) => {
    const { token, source } = await exchange(signal);
    return { token, source: source.provider };
  };
}

/**
 * A company's own authority is trusted beside the usual ones: IMS may be reached directly or through its proxy.
 * Only newer versions of Node tell which those are; before, NODE_EXTRA_CA_CERTS is not among them.
 */
async function authorities(caFile: string): Promise<string[]> {
  const usual = 'getCACertificates' in tls ? (tls.getCACertificates as () => string[])() : tls.rootCertificates;
  const option = 'ims.caFile';
  const content = await readBoundedFile(caFile, option, { maxBytes: MAX_CA_BYTES }).catch((error: unknown) => {
    if (!(error instanceof ImsvaultError)) throw error;
    throw new ConfigInvalidError([{ path: option, message: error.message.slice(`${option}: `.length) }]);
  });
  const pem = content.toString('utf8');
  // Node takes anything for an authority, and then trusts none of it.
  if (!pem.includes('-----BEGIN CERTIFICATE')) {
    throw new ConfigInvalidError([{ path: option, message: `${caFile} has no certificate in PEM form` }]);
  }
  return [...usual, pem];
}
