import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { startMoto } from './servers/moto.js';

const CLI = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

interface Store {
  /** The `tokenStore` block of the config. */
  block: object;
  /** What every process has in its environment. */
  env: Record<string, string>;
  close(): Promise<void>;
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
];

describe.each(stores)('processes with only $name in common', ({ start }) => {
  let store: Store;
  let ims: ImsEmulator;
  let folder: string;

  beforeAll(async () => {
    store = await start();
    ims = await createImsEmulator({ expiresInSeconds: 3600 }).start();
    folder = mkdtempSync(join(tmpdir(), 'imsvault-fleet-'));
    const shared = { ims: { tokenEndpoint: ims.tokenEndpoint }, tokenStore: store.block };
    writeFileSync(join(folder, 'renewer.json'), JSON.stringify({ ...shared, credentials: { provider: 'env' } }));
    writeFileSync(join(folder, 'consumer.json'), JSON.stringify(shared));
  });
  afterAll(async () => {
    await ims?.stop();
    await store?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  /** `imsvault token --output json` in a process of its own. */
  function token(config: string, ...args: string[]): Promise<{ access_token: string; source: string }> {
    const env = { PATH: process.env.PATH ?? '', HOME: folder, IMSVAULT_CACHE: 'off', ...CREDENTIAL, ...store.env };
    return new Promise((resolve, reject) => {
      const command = [CLI, '--config', join(folder, config), 'token', '--output', 'json', ...args];
      execFile(process.execPath, command, { env, timeout: 60_000 }, (error, stdout, stderr) => {
        if (error !== null || stderr !== '') reject(new Error(stderr || String(error)));
        else resolve(JSON.parse(stdout));
      });
    });
  }

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
