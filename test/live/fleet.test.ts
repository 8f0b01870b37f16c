import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { startAzure } from '../support/azure/stand-in.js';
import { startMoto } from './servers/moto.js';
import { startOpenBao } from './servers/openbao.js';

const CLI = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

interface Store {
  /** The `tokenStore` block of the config. */
  block: object;
  /** What every process has in its environment. */
  env: Record<string, string>;
  close(): Promise<void>;
}

async function startVault(block: object): Promise<Store> {
  const server = await startOpenBao();
  await server.api('sys/mounts/kv', { type: 'kv', options: { version: '1' } });
  return {
    block: { provider: 'vault', address: server.address, path: 'ims/token', ...block },
    env: { VAULT_TOKEN: server.adminToken },
    close: () => server.close(),
  };
}

const stores: { name: string; start: () => Promise<Store> }[] = [
  {
    name: 'AWS Secrets Manager',
    async start() {
      const moto = await startMoto();
      const keys = await moto.createUser('fleet', ['secretsmanager:*']);
      return {
        block: { provider: 'aws-secrets-manager', secretId: 'ims/token', region: 'eu-west-1', endpoint: moto.endpoint },
        env: { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey },
        close: () => moto.close(),
      };
    },
  },
  { name: 'OpenBao (KV v2)', start: () => startVault({}) },
  {
    name: 'a stand-in for Azure Key Vault',
    async start() {
      const azure = await startAzure();
      const { clientSecret, ...login } = azure.createApplication('get', 'set', 'list', 'update');
      const auth = { method: 'client-secret', ...login, authorityHost: azure.entra.url };
      return {
        block: {
          provider: 'azure-key-vault',
          ...azure.trust,
          secretName: 'ims-token',
          auth: { ...auth, clientSecretFile: await azure.file('client-secret', clientSecret) },
        },
        env: {},
        close: () => azure.close(),
      };
    },
  },
];

let store: Store | undefined;
let ims: ImsEmulator;
let folder: string | undefined;

async function begin(start: () => Promise<Store>): Promise<void> {
  store = await start();
  ims = await createImsEmulator({ expiresInSeconds: 3600 }).start();
  folder = mkdtempSync(join(tmpdir(), 'imsvault-fleet-'));
  const shared = { ims: { tokenEndpoint: ims.tokenEndpoint }, tokenStore: store.block };
  writeFileSync(join(folder, 'renewer.json'), JSON.stringify({ ...shared, credentials: { provider: 'env' } }));
  writeFileSync(join(folder, 'consumer.json'), JSON.stringify(shared));
}

async function end(): Promise<void> {
  await ims?.stop();
  await store?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true });
  [store, folder] = [undefined, undefined];
}

/** `imsvault token --output json` in a process of its own. */
function token(config: string, ...args: string[]): Promise<{ access_token: string; source: string }> {
  const home = folder ?? expect.unreachable('the test has not begun');
  const env = { PATH: process.env.PATH ?? '', HOME: home, IMSVAULT_CACHE: 'off', ...CREDENTIAL, ...store?.env };
  return new Promise((resolve, reject) => {
    const command = [CLI, '--config', join(home, config), 'token', '--output', 'json', ...args];
    execFile(process.execPath, command, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error !== null || stderr !== '') reject(new Error(stderr || String(error)));
      else resolve(JSON.parse(stdout));
    });
  });
}

describe.each(stores)('processes with only $name in common', ({ start }) => {
  beforeAll(() => begin(start));
  afterAll(end);

  it('make one exchange for eight cold starts at once', async () => {
    const tokens = await Promise.all(Array.from({ length: 8 }, () => token('renewer.json')));
    expect(ims.exchanges).toBe(1);
    expect(new Set(tokens.map((each) => each.access_token))).toEqual(new Set(ims.issuedTokens()));
    expect(tokens.map((each) => each.source).sort()).toEqual(['env', ...Array(7).fill('token-store')]);
  });

  it('share it with a consumer that has no credential', async () => {
    expect(await token('consumer.json')).toMatchObject({
      access_token: ims.issuedTokens().at(-1),
      source: 'token-store',
    });
    expect(ims.exchanges).toBe(1);
  });

  it('renew for one that insists, and all others take the new one', async () => {
    expect(await token('renewer.json', '--force')).toMatchObject({ source: 'env' });
    expect(ims.exchanges).toBe(2);
    expect(await token('renewer.json')).toMatchObject({
      access_token: ims.issuedTokens().at(-1),
      source: 'token-store',
    });
  });
});

// No compare-and-swap, so no claims: what is promised is that each gets a token, and that the last one is shared.
describe('processes with only a KV v1 mount in common', () => {
  beforeAll(() => begin(() => startVault({ mount: 'kv', kvVersion: 1 })));
  afterAll(end);

  it('make up to one exchange each at once, and then share what came last', async () => {
    const tokens = await Promise.all(Array.from({ length: 8 }, () => token('renewer.json')));
    const { exchanges } = ims;
    expect(exchanges).toBeGreaterThanOrEqual(1);
    expect(exchanges).toBeLessThanOrEqual(8);
    expect(ims.issuedTokens()).toEqual(expect.arrayContaining(tokens.map((each) => each.access_token)));

    const shared = await Promise.all(['renewer.json', 'consumer.json'].map((config) => token(config)));
    expect(shared.map((each) => each.source)).toEqual(['token-store', 'token-store']);
    expect(new Set(shared.map((each) => each.access_token)).size).toBe(1);
    expect(ims.issuedTokens()).toContain(shared[0]?.access_token);
    expect(ims.exchanges).toBe(exchanges);
  });

  it('renew for one that insists, and all others take the new one', async () => {
    const { access_token } = await token('renewer.json', '--force');
    expect(access_token).toBe(ims.issuedTokens().at(-1));
    expect(await token('consumer.json')).toMatchObject({ access_token, source: 'token-store' });
  });
});
