import { createRequire } from 'node:module';
import type NodeVault from 'node-vault';

type Module = { default: typeof NodeVault };

/**
 * node-vault without its HTTP client, axios, in whose place transport.ts stands: loading axios takes 45 ms and 15 MiB, a
 * quarter of a cold command. Other code of the program gets both as ever: when this returns, neither the stand-in nor
 * what was built on it is left in the cache of modules.
 * @throws what `import('node-vault')` throws
 */
export async function loadNodeVault(): Promise<Module> {
  try {
    return { default: requireWithoutAxios() };
  } catch {
    // In a bundle there is nothing to resolve, but the bundler has seen this.
    return import('node-vault');
  }
}

function requireWithoutAxios(): typeof NodeVault {
  const require = createRequire(import.meta.url);
  const file = require.resolve('node-vault');
  const axios = createRequire(file).resolve('axios');
  const { cache } = require;
  const [ofOthers, axiosOfOthers] = [cache[file], cache[axios]];
  // Nothing else runs before both are put back: `require` is synchronous.
  delete cache[file];
  cache[axios] = { exports: {}, loaded: true } as NodeJS.Module;
  try {
    return require(file);
  } finally {
    putBack(cache, file, ofOthers);
    putBack(cache, axios, axiosOfOthers);
  }
}

function putBack(cache: NodeJS.Dict<NodeJS.Module>, file: string, module: NodeJS.Module | undefined): void {
  if (module === undefined) delete cache[file];
  else cache[file] = module;
}
