import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import type { Clock } from './clock.js';
import { type LoadOptions, loadProfile, type ResolvedProfile } from './config/load.js';
import { openCredentialSource } from './config/open.js';
import { ConfigInvalidError } from './errors.js';
import { createExchanger, type Exchanger, MAX_TOKEN_RESPONSE_BYTES } from './ims/exchange.js';
import { createHttpClient } from './net/http-client.js';
import { proxySettingsFromEnv } from './net/proxy-settings.js';
import type { CredentialSource } from './secret/credential-source.js';
import { exchangeFresh, type Renewed } from './token/exchange-renewal.js';
import type { RenewalPolicy } from './token/renewal-schedule.js';

export interface EngineDeps extends Omit<LoadOptions, 'env' | 'cwd' | 'config' | 'configPath'> {
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  clock: Clock;
  random: () => number;
  onWarning?: (message: string) => void;
}

/** A profile, opened: what the library, the CLI and every other face runs on. */
export interface TokenEngine {
  readonly profile: ResolvedProfile;
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
export async function openTokenEngine(config: string | object | undefined, deps: EngineDeps): Promise<TokenEngine> {
  const { clock, random, onWarning = (message: string) => process.emitWarning(message, 'imsvault') } = deps;
  const env = deps.env ?? process.env;
  const profile = await loadProfile({
    ...deps,
    env,
    cwd: deps.cwd ?? process.cwd(),
    ...(typeof config === 'string' ? { configPath: config } : {}),
    ...(typeof config === 'object' ? { config } : {}),
  });
  for (const warning of profile.warnings) onWarning(warning);
  const proxy = proxySettingsFromEnv(env);
  const { ims } = profile;
  if (profile.credentials === undefined) throw consumerOnly();
  const source = openCredentialSource(profile.credentials, {
    clock,
    random,
    env,
    baseDir: profile.baseDir,
    proxy,
    warn: onWarning,
  });
  const http = createHttpClient(clock, proxy, {
    timeouts: ims.timeouts,
    maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES,
    // The request waits for the connection that was begun ahead instead of opening a second one.
    connections: 1,
    ...(ims.caFile === undefined ? {} : { tls: { ca: await authorities(ims.caFile) } }),
  });
  const exchanger = createExchanger({
    tokenEndpoint: ims.tokenEndpoint,
    http,
    clock,
    random,
    timeoutMs: ims.timeoutMs,
    retry: ims.retry,
    scope: ims.scope,
    orgId: ims.orgId,
    warn: onWarning,
  });
  return {
    profile,
    source,
    exchanger,
    renewal: profile.renewal,
    renew: (signal) => exchangeFresh(source, exchanger, signal),
    async close() {
      await Promise.all([source.close(), exchanger.close()]);
    },
  };
}

/** A company's own authority is trusted beside the usual ones: IMS may be reached directly or through its proxy. */
async function authorities(caFile: string): Promise<string[]> {
  try {
    return [...rootCertificates, await readFile(caFile, 'utf8')];
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
