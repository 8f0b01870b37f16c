import { isDeepStrictEqual } from 'node:util';
import { Redacted, reveal } from '../redacted.js';
import type { SecretProvider } from '../secret/provider.js';
import { type OpenDeps, openProvider } from './open.js';
import type { SingleProvider } from './provider-block.js';
import { isObject } from './tree.js';

/** Clients of stores, one for each way to reach one: blocks with the same connection share it and its login. */
export interface ProviderPool {
  /**
   * The client for a block; opened with the first call. One that could not be opened is tried anew.
   * @throws what the module's `createProvider` does
   */
  open(block: SingleProvider): Promise<SecretProvider<object>>;
  close(): Promise<void>;
}

export function createProviderPool(deps: OpenDeps): ProviderPool {
  let entries: { block: SingleProvider; provider: Promise<SecretProvider<object>> }[] = [];

  return {
    open(block) {
      const known = entries.find((entry) => sameConnection(entry.block, block));
      if (known !== undefined) return known.provider;
      const entry = { block, provider: openProvider(block, deps) };
      entries.push(entry);
      entry.provider.catch(() => {
        entries = entries.filter((other) => other !== entry);
      });
      return entry.provider;
    },
    async close() {
      const opened = await Promise.allSettled(entries.map(({ provider }) => provider));
      entries = [];
      await Promise.all(opened.map((result) => (result.status === 'fulfilled' ? result.value.close?.() : undefined)));
    },
  };
}

function sameConnection(a: SingleProvider, b: SingleProvider): boolean {
  return (
    a.module === b.module &&
    a.timeoutMs === b.timeoutMs &&
    isDeepStrictEqual(comparable(a.connection), comparable(b.connection))
  );
}

/** Wrapped values look all the same from outside. */
function comparable(value: unknown): unknown {
  if (value instanceof Redacted) return { redacted: reveal(value) };
  if (Array.isArray(value)) return value.map(comparable);
  if (!isObject(value)) return value;
  const given = Object.entries(value).filter(([, below]) => below !== undefined);
  return Object.fromEntries(given.map(([key, below]) => [key, comparable(below)]));
}
