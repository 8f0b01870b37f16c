import type { Clock } from '../clock.js';
import { DeadlineExceeded, untilAborted, withDeadline } from '../deadline.js';
import { ImsvaultError, vendorCause } from '../errors.js';
import { createHttpClient } from '../net/http-client.js';
import type { ProxySettings } from '../net/proxy-settings.js';
import { type CredentialSource, createCredentialSource } from '../secret/credential-source.js';
import type { ProviderContext, ReadOptions, SecretProvider } from '../secret/provider.js';
import { createProviderChain } from '../secret/provider-chain.js';
import { traceProvider } from '../secret/traced-provider.js';
import type { Env } from './interpolate.js';
import type { ProviderBlock, SingleProvider } from './provider-block.js';
import type { ProviderPool } from './provider-pool.js';

export interface OpenDeps {
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  env: Env;
  /** Relative paths in options start here. */
  baseDir: string;
  proxy: ProxySettings;
  warn: (message: string) => void;
}

/**
 * The client of one block's store. One that comes after the block's timeout is closed.
 * @throws what the module's `createProvider` does; ERR_SECRET_UNAVAILABLE after the block's timeout
 */
export async function openProvider(block: SingleProvider, deps: OpenDeps): Promise<SecretProvider<object>> {
  const { clock, random, env, baseDir, proxy, warn } = deps;
  const { provider: name, module, connection, timeoutMs } = block;
  const context: ProviderContext = {
    clock,
    random,
    env,
    baseDir,
    timeoutMs,
    createHttpClient: (options) => createHttpClient(clock, proxy, options),
    warn,
  };
  const opening = (async () => module.createProvider(connection, context))();
  try {
    return traceProvider(await withDeadline(clock, timeoutMs, undefined, () => opening), clock);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    opening.then((late) => late.close?.()).catch(() => undefined);
    throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${name}: not opened within ${timeoutMs} ms`);
  }
}

/**
 * Where a block's credential is read.
 * @param pool opens the store's client, with the first read, and closes it
 */
export function openCredentialSource(
  block: ProviderBlock,
  deps: Pick<OpenDeps, 'clock' | 'random'>,
  pool: Pick<ProviderPool, 'open'>,
): CredentialSource {
  if ('links' in block) return createProviderChain(block.links.map((link) => openCredentialSource(link, deps, pool)));
  const { ref, fields, timeoutMs } = block;
  const { clock, random } = deps;
  return {
    name: block.provider,
    async readCredential(options: ReadOptions = {}) {
      const { signal } = options;
      try {
        signal?.throwIfAborted();
        const provider = await untilAborted(pool.open(block), signal);
        const source = createCredentialSource({ provider, ref, fields, clock, random, timeoutMs });
        return await source.readCredential(options);
      } catch (error) {
        if (signal?.aborted === true && error === signal.reason) throw error;
        throw translate(error, block.provider);
      }
    },
  };
}

/** Providers throw our errors; what a third party's lets through does not travel on, because it may hold anything. */
export function translate(error: unknown, provider: string): ImsvaultError {
  if (error instanceof ImsvaultError) return error;
  const cause = vendorCause(error);
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${provider}: unexpected ${cause.code ?? cause.name}`, {
    cause,
    retryable: false,
    hint: 'This is a fault in the provider; report it to its authors.',
  });
}
