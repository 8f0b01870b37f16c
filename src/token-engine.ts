import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';
import type { Clock } from './clock.js';
import { type LoadOptions, loadProfile, type ProviderBlock, type ResolvedProfile } from './config/load.js';
import { type OpenDeps, openCredentialSource } from './config/open.js';
import { ConfigInvalidError } from './errors.js';
import { createExchanger, type Exchanger, MAX_TOKEN_RESPONSE_BYTES } from './ims/exchange.js';
import { createHttpClient, type HttpClient } from './net/http-client.js';
import { proxySettingsFromEnv } from './net/proxy-settings.js';
import type { CredentialSource } from './secret/credential-source.js';
import { exchangeFresh, type Renewed } from './token/exchange-renewal.js';
import type { RenewalPolicy } from './token/renewal-schedule.js';

export interface EngineDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Told what is odd but stops nothing; no secret in it. */
  warn: (message: string) => void;
}

/** A profile, opened: what the library, the CLI and every other face runs on. */
export interface TokenEngine {
  readonly profile: ResolvedProfile;
  readonly credentials: ProviderBlock;
  /** What providers of this profile are opened with. */
  readonly openDeps: OpenDeps;
  /** The client that speaks to IMS. */
  readonly imsHttp: HttpClient;
  readonly source: CredentialSource;
  readonly exchanger: Exchanger;
  readonly renewal: RenewalPolicy;
  /** Reads the credential and exchanges it. */
  renew(signal?: AbortSignal): Promise<Renewed>;
  close(): Promise<void>;
}

/**
 * Loads a profile and connects its parts; reads no secret yet.
 * @throws ERR_CONFIG_INVALID | ERR_PROVIDER_NOT_INSTALLED
 */
export async function openTokenEngine(options: LoadOptions, { clock, random, warn }: EngineDeps): Promise<TokenEngine> {
  const { env } = options;
  const profile = await loadProfile(options);
  for (const warning of profile.warnings) warn(warning);
  const proxy = proxySettingsFromEnv(env);
  const { ims, credentials } = profile;
  if (credentials === undefined) throw consumerOnly();
  const openDeps: OpenDeps = { clock, random, env, baseDir: profile.baseDir, proxy, warn };
  const source = openCredentialSource(credentials, openDeps);
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
  return {
    profile,
    credentials,
    openDeps,
    imsHttp,
    source,
    exchanger,
    renewal: profile.renewal,
    renew: (signal) => exchangeFresh(source, exchanger, signal),
    async close() {
      await Promise.all([source.close(), exchanger.close()]);
    },
  };
}

/**
 * A company's own authority is trusted beside the usual ones: IMS may be reached directly or through its proxy.
 * Only newer versions of Node tell which those are; before, NODE_EXTRA_CA_CERTS is not among them.
 */
async function authorities(caFile: string): Promise<string[]> {
  try {
    const usual = 'getCACertificates' in tls ? (tls.getCACertificates as () => string[])() : tls.rootCertificates;
    const pem = await readFile(caFile, 'utf8');
    // Node takes anything for an authority, and then trusts none of it.
    if (!pem.includes('-----BEGIN ')) throw Object.assign(new Error(), { code: 'not a PEM file' });
    return [...usual, pem];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConfigInvalidError([{ path: 'ims.caFile', message: `${caFile} cannot be read (${code})` }]);
  }
}

function consumerOnly(): ConfigInvalidError {
  return new ConfigInvalidError([
    {
      path: 'credentials',
      message: 'a profile with a tokenStore and no credentials only consumes tokens, which this version cannot do yet',
    },
  ]);
}
