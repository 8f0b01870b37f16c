import type { Clock } from '../clock.js';
import { DeadlineExceeded, withDeadline } from '../deadline.js';
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
 * The client of one block's store. One that takes longer than the block's timeout is given up: who closes the store
 * would wait for it for ever.
 * @throws what the module's `createProvider` does, {@link DeadlineExceeded}
 */
export async function openProvider(block: SingleProvider, deps: OpenDeps): Promise<SecretProvider<object>> {
  const { clock, random, env, baseDir, proxy, warn } = deps;
  const context: ProviderContext = {
    clock,
    random,
    env,
    baseDir,
    timeoutMs: block.timeoutMs,
    createHttpClient: (options) => createHttpClient(clock, proxy, options),
    warn,
  };
  const create = async () => block.module.createProvider(block.connection, context);
  return traceProvider(await withDeadline(clock, block.timeoutMs, undefined, create), clock);
}

/**
 * Where a block's credential is read. The store's client is made with the first read.
 * @param pool where clients come from that others use too; without it the source has its own, and closes it
 */
export function openCredentialSource(
  block: ProviderBlock,
  deps: OpenDeps,
  pool?: Pick<ProviderPool, 'open'>,
): CredentialSource {
  if ('links' in block) {
    return createProviderChain(
      block.links.map((link) => ({ name: link.provider, open: async () => openCredentialSource(link, deps, pool) })),
    );
  }
  let opening: Promise<CredentialSource> | undefined;

  /** Once for all readers; one that failed is tried anew. */
  function open(): Promise<CredentialSource> {
    if (opening === undefined) {
      opening = openSingle(block as SingleProvider, deps, pool);
      opening.catch(() => {
        opening = undefined;
      });
    }
    return opening;
  }

  return {
    name: block.provider,
    async readCredential(options: ReadOptions = {}) {
      const { signal } = options;
      try {
        const source = await withDeadline(deps.clock, block.timeoutMs, signal, open);
        return await source.readCredential(options);
      } catch (error) {
        if (signal?.aborted === true && error === signal.reason) throw error;
        throw translate(error, block.provider);
      }
    },
    async close() {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}

async function openSingle(
  block: SingleProvider,
  deps: OpenDeps,
  pool: Pick<ProviderPool, 'open'> | undefined,
): Promise<CredentialSource> {
  const { clock, random } = deps;
  const source = createCredentialSource({
    provider: await (pool === undefined ? openProvider(block, deps) : pool.open(block)),
    ref: block.ref,
    fields: block.fields,
    clock,
    random,
    timeoutMs: block.timeoutMs,
  });
  return pool === undefined ? source : { ...source, close: async () => undefined };
}

/** Providers throw our errors; what a third party's lets through does not travel on, because it may hold anything. */
export function translate(error: unknown, provider: string): ImsvaultError {
  if (error instanceof ImsvaultError) return error;
  if (error instanceof DeadlineExceeded) {
    return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${provider}: not opened within ${error.timeoutMs} ms`);
  }
  const cause = vendorCause(error);
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${provider}: unexpected ${cause.code ?? cause.name}`, {
    cause,
    retryable: false,
    hint: 'This is a fault in the provider; report it to its authors.',
  });
}
