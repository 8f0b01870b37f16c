import type { AccessToken } from './access-token.js';
import { type Clock, systemClock } from './clock.js';
import type { LoadOptions } from './config/load.js';
import type { ImsvaultConfig } from './config/options.generated.js';
import { provideTokens } from './engine/provide-tokens.js';
import { warningsTo } from './listener.js';
import { checkProviderArguments } from './provider-options.js';
import type { GetTokenOptions } from './token/get-token-options.js';
import type { TokenEvent } from './token/token-events.js';
import type { TokenStatus } from './token/token-status.js';

/** What a token provider takes beside its config. */
export interface TokenProviderDeps {
  /** Which profile of the config. Default: `IMSVAULT_PROFILE`, else the config's `defaultProfile`. */
  profile?: string;
  /** Where `${VARIABLE}`, `IMSVAULT_…` and the providers look. Default `process.env`. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Where the search for a config file and relative paths of a config object start. Default: the working directory. */
  cwd?: string;
  /**
   * Told what is odd but stops nothing; no secret in it. What it throws, or rejects with, is dropped. Default:
   * `process.emitWarning`.
   */
  onWarning?: (message: string) => void;
  /**
   * Told of each renewal, each failure, and what happens at the token store, when it happens. No token or secret is in
   * an event; what the listener throws, or rejects with, is dropped, with a warning.
   */
  onEvent?: (event: TokenEvent) => void;
  /** Default: the machine's clocks. */
  clock?: Clock;
  /** A number in [0, 1). Default `Math.random`. */
  random?: () => number;
}

/** Hands out access tokens of one profile. */
export interface TokenProvider {
  /**
   * A token that can be used now. From memory where one is held; else the credential is read and exchanged, once for
   * all callers of that moment. Renewed in the background from 0.8–0.9 of its life (see `renewal`).
   * @throws ImsvaultError; its `code` tells what to do. ERR_CONFIG_INVALID comes from the first call, not from
   *   {@link createTokenProvider}. `options.signal.reason` when the signal aborts.
   */
  getToken(options?: GetTokenOptions): Promise<AccessToken>;
  /** The token held now, if it can be used; no waiting, no request. */
  peekToken(): AccessToken | undefined;
  /** What is known of the token now, without the token; no waiting, no request. */
  status(): TokenStatus;
  /** Ends renewals and connections. Later calls of `getToken` throw ERR_ABORTED. */
  close(): Promise<void>;
}

/**
 * A provider for one profile. Nothing is read and nothing is loaded before the first `getToken()`.
 * @param config a config file's path, or the config itself as an object. Default: `IMSVAULT_CONFIG`, else the file
 *   `imsvault.config.{yaml,yml,json}` found upwards from the working directory, else the env provider
 * @throws TypeError when an argument or an option is of another type, or an option is unknown
 */
export function createTokenProvider(config?: string | ImsvaultConfig, deps: TokenProviderDeps = {}): TokenProvider {
  checkProviderArguments(config, deps);
  const clock = deps.clock ?? systemClock;
  const random = deps.random ?? Math.random;
  const warn = warningsTo(deps.onWarning);
  const useCache = (configured: boolean | undefined) => configured === true;
  const { provider } = provideTokens(
    async (onEvent) => {
      const { openTokenEngine } = await import('./engine/token-engine.js');
      return openTokenEngine(loadOptions(config, deps), { clock, random, warn, onEvent, useCache });
    },
    { clock, random, warn, onEvent: deps.onEvent },
  );
  return provider;
}

function loadOptions(
  config: string | ImsvaultConfig | undefined,
  { profile, env, cwd }: TokenProviderDeps,
): LoadOptions {
  return {
    env: env ?? process.env,
    cwd: cwd ?? process.cwd(),
    ...(typeof config === 'string' ? { configPath: config } : {}),
    ...(typeof config === 'object' ? { config } : {}),
    ...(profile === undefined ? {} : { profile }),
  };
}
