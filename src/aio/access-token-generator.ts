import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import { createExchanger, type Exchanger, MAX_TOKEN_RESPONSE_BYTES } from '../ims/exchange.js';
import { createHttpClient } from '../net/http-client.js';
import { proxySettingsFromEnv } from '../net/proxy-settings.js';
import { reveal } from '../redacted.js';
import type { Credential } from '../secret/credential.js';
import { DEFAULT_RENEWAL } from '../token/renewal-schedule.js';
import { createTokenEvents } from '../token/token-events.js';
import { createTokenManager, type TokenManager } from '../token/token-manager.js';
import { type AccessTokenParams, credentialFromParams, isStage } from './aio-params.js';

/** Where `@adobe/aio-lib-core-auth` 1.1 sends its requests. */
export const AIO_TOKEN_ENDPOINTS = {
  prod: 'https://ims-na1.adobelogin.com/ims/token/v2',
  stage: 'https://ims-na1-stg1.adobelogin.com/ims/token/v2',
} as const;

/** Credentials whose tokens are kept; of more, the one that was asked for longest ago gives way. A few KiB each. */
const MAX_CREDENTIALS = 1000;

const EXCHANGE_TIMEOUT_MS = 60_000;

/** The answer of IMS, as `@adobe/aio-lib-core-auth` gives it. The token stands in it openly: do not log it. */
export interface AccessTokenAnswer {
  access_token: string;
  /** `bearer`. */
  token_type: string;
  /** Seconds that are left now, rounded down. */
  expires_in: number;
}

export interface AccessTokenGenerator {
  generateAccessToken(params: AccessTokenParams, imsEnv?: string): Promise<AccessTokenAnswer>;
  invalidateCache(): void;
}

export interface AccessTokenGeneratorDeps {
  /** For `__OW_NAMESPACE` and the proxy's variables. */
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Told what is odd but stops nothing; no secret in it. */
  warn: (message: string) => void;
  endpoints?: Readonly<Record<'prod' | 'stage', string>>;
}

/** One token for each credential, kept in memory, renewed by calls alone: nothing runs between them. */
export function createAccessTokenGenerator(deps: AccessTokenGeneratorDeps): AccessTokenGenerator {
  const { env, clock, random, warn, endpoints = AIO_TOKEN_ENDPOINTS } = deps;
  const events = createTokenEvents(undefined, warn);
  const exchangers = new Map<string, Exchanger>();
  /** In the order of their last use. */
  const managers = new Map<string, TokenManager>();

  function exchangerFor(tokenEndpoint: string): Exchanger {
    const known = exchangers.get(tokenEndpoint);
    if (known !== undefined) return known;
    const http = createHttpClient(clock, proxySettingsFromEnv(env), { maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES });
    const exchanger = createExchanger({ tokenEndpoint, http, clock, random, timeoutMs: EXCHANGE_TIMEOUT_MS, warn });
    exchangers.set(tokenEndpoint, exchanger);
    return exchanger;
  }

  function managerFor(tokenEndpoint: string, credential: Credential): TokenManager {
    const key = keyOf(tokenEndpoint, credential);
    const manager = managers.get(key) ?? createManager(exchangerFor(tokenEndpoint), credential);
    managers.delete(key);
    managers.set(key, manager);
    const [oldest] = managers.keys();
    // It has no timer and no connection of its own: who still waits for it gets the token, and then it is gone.
    if (managers.size > MAX_CREDENTIALS && oldest !== undefined) managers.delete(oldest);
    return manager;
  }

  function createManager(exchanger: Exchanger, credential: Credential): TokenManager {
    return createTokenManager({
      async renew(_request, signal) {
        const { token } = await exchanger.exchange(credential, signal);
        events.emit({ type: 'exchanged' });
        return { token, source: 'params' };
      },
      clock,
      random,
      renewal: { ...DEFAULT_RENEWAL, background: false },
      onEvent: events.emit,
    });
  }

  return {
    async generateAccessToken(params, imsEnv) {
      const credential = credentialFromParams(params);
      const endpoint = endpoints[isStage(params, imsEnv, env.__OW_NAMESPACE) ? 'stage' : 'prod'];
      const { accessToken, tokenType, expiresAt } = await managerFor(endpoint, credential).getToken();
      const leftMs = Math.max(0, expiresAt - clock.now());
      return { access_token: accessToken, token_type: tokenType, expires_in: Math.floor(leftMs / 1000) };
    },
    invalidateCache: () => managers.clear(),
  };
}

/** A digest, because the secret is part of the identity. It stays in memory. */
function keyOf(tokenEndpoint: string, { clientId, clientSecrets: [secret], orgId, scope }: Credential): string {
  const identity = [tokenEndpoint, clientId, reveal(secret), orgId, scope];
  return createHash('sha256').update(JSON.stringify(identity)).digest('base64');
}
