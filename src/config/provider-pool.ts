import { isDeepStrictEqual } from 'node:util';
import type { SecretProvider } from '../secret/provider.js';
import { createSharedPool } from '../shared-pool.js';
import { comparable } from './comparable.js';
import { type OpenDeps, openProvider } from './open.js';
import type { SingleProvider } from './provider-block.js';

/** Clients of stores, one for each way to reach one: blocks with the same connection share it and its login. */
export interface ProviderPool {
  /**
   * The client for a block; opened with the first call. One that could not be opened is tried anew.
   * @throws what the module's `createProvider` does
   */
  open(block: SingleProvider): Promise<SecretProvider<object>>;
  /** Lets go of what this pool has opened; what others use too stays open. */
  close(): Promise<void>;
}

/** Hands out pools that share their clients. */
export interface SharedProviders {
  /** @param baseDir relative paths in options start here */
  lease(baseDir: string): ProviderPool;
}

interface Connection {
  block: SingleProvider;
  baseDir: string;
  /** The block's connection with its secrets unwrapped: wrapped values look all the same from outside. */
  bare: unknown;
}

export function createSharedProviders(deps: Omit<OpenDeps, 'baseDir'>): SharedProviders {
  const pool = createSharedPool<Connection, SecretProvider<object>>({
    same: (a, b) =>
      a.block.module === b.block.module &&
      a.block.timeoutMs === b.block.timeoutMs &&
      a.baseDir === b.baseDir &&
      isDeepStrictEqual(a.bare, b.bare),
    open: ({ block, baseDir }) => openProvider(block, { ...deps, baseDir }),
    close: async (provider) => provider.close?.(),
  });
  return {
    lease(baseDir) {
      const lease = pool.lease();
      return {
        open: (block) => lease.open({ block, baseDir, bare: comparable(block.connection) }),
        close: lease.close,
      };
    },
  };
}
