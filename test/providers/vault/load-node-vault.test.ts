import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNodeVault } from '../../../providers/vault/load-node-vault.js';

const require = createRequire(import.meta.url);
const file = require.resolve('node-vault');
const axios = createRequire(file).resolve('axios');
const forget = () => {
  for (const name of Object.keys(require.cache)) {
    if (name.startsWith(dirname(file)) || name === axios) delete require.cache[name];
  }
};

afterEach(forget);

describe('node-vault without its HTTP client', () => {
  it('makes clients that speak by another one', async () => {
    const { default: nodeVault } = await loadNodeVault();
    const asked: unknown[] = [];
    const request = Object.assign(async (options: unknown) => {
      asked.push(options);
      return { statusCode: 200, body: { data: 1 } };
    }, {});
    const client = nodeVault({
      endpoint: 'https://vault.example.com',
      'request-promise': { defaults: () => request },
    } as never);
    expect(await client.read('secret/data/x')).toEqual({ data: 1 });
    expect(asked).toHaveLength(1);
  });

  it('never runs a line of axios', async () => {
    forget();
    const before = new Set(Object.keys(require.cache));
    await loadNodeVault();
    const loaded = Object.keys(require.cache).filter((name) => !before.has(name));
    expect(loaded.some((name) => name.startsWith(dirname(file)))).toBe(true);
    expect(loaded.filter((name) => /node_modules\/(axios|form-data|follow-redirects)\//.test(name))).toEqual([]);
  });

  it('leaves both to others as they are, loaded before or after', async () => {
    forget();
    const { default: own } = await loadNodeVault();
    const whole = require(file);
    expect(whole).not.toBe(own);
    expect(typeof require(axios).create).toBe('function');

    const [nodeVaultOfOthers, axiosOfOthers] = [require.cache[file], require.cache[axios]];
    await loadNodeVault();
    expect(require.cache[file]).toBe(nodeVaultOfOthers);
    expect(require.cache[axios]).toBe(axiosOfOthers);
  });
});
