import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenProvider, type ImsvaultConfig } from '../../src/index.js';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { awsEnvironment } from '../support/aws/environment.js';
import { expectNoSecrets } from '../support/leaks.js';
import { startMoto } from './servers/moto.js';
import { startOpenBao } from './servers/openbao.js';
import { newToken } from './servers/vault-fixture.js';

const CLI = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
const CLIENT_ID = 'emulator-client-id';
const CALLERS = 50;

interface Store {
  /** The `credentials` block of the config. */
  block: object;
  env: Record<string, string>;
  close(): Promise<void>;
}

const CREDENTIAL = { client_id: CLIENT_ID, client_secret: 'emulator-client-secret', owner: 'team a' };

const stores: { name: string; start: () => Promise<Store> }[] = [
  {
    name: 'OpenBao',
    async start() {
      const bao = await startOpenBao();
      await bao.api('secret/data/ims/fusion', { data: CREDENTIAL });
      // What docs/rotation.md asks for.
      const policy = 'path "secret/data/ims/fusion" { capabilities = ["read", "update"] }';
      await bao.api('sys/policies/acl/rotator', { policy });
      return {
        block: { provider: 'vault', address: bao.address, path: 'ims/fusion' },
        env: { VAULT_TOKEN: await newToken(bao, { policies: ['rotator'] }) },
        close: () => bao.close(),
      };
    },
  },
  {
    name: 'AWS Secrets Manager',
    async start() {
      const moto = await startMoto();
      await moto.putSecret('ims/fusion', JSON.stringify(CREDENTIAL));
      // What docs/rotation.md asks for.
      const actions = ['GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage', 'DescribeSecret'];
      const keys = await moto.createUser(
        'rotator',
        actions.map((action) => `secretsmanager:${action}`),
      );
      return {
        block: {
          provider: 'aws-secrets-manager',
          secretId: 'ims/fusion',
          region: 'eu-west-1',
          endpoint: moto.endpoint,
        },
        // The SDK looks into the real environment, too.
        env: awsEnvironment({ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey }),
        close: () => moto.close(),
      };
    },
  },
];

describe.each(stores)('imsvault rotate with $name', ({ start }) => {
  let store: Store;
  let ims: ImsEmulator;
  let folder: string;
  let config: ImsvaultConfig;

  beforeAll(async () => {
    store = await start();
    // So short that the tokens of a rotation's time are exchanged anew all the while.
    ims = await createImsEmulator({ expiresInSeconds: 1 }).start();
    folder = mkdtempSync(join(tmpdir(), 'imsvault-rotate-'));
    config = {
      ims: { tokenEndpoint: ims.tokenEndpoint },
      credentials: store.block,
      rotation: { orgId: '1000001', credentialId: '2000002', endpoint: ims.url },
    } as ImsvaultConfig;
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  });
  afterAll(async () => {
    await ims?.stop();
    await store?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  function rotate(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const env = { PATH: process.env.PATH ?? '', HOME: folder, ...store.env };
    const command = [CLI, '--config', join(folder, 'config.json'), 'rotate', ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, command, { env, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
      );
    });
  }

  it('rotates three times under fifty callers, of whom none fails', async () => {
    const warnings: string[] = [];
    const provider = createTokenProvider(config, {
      env: store.env,
      cwd: folder,
      onWarning: (message) => warnings.push(message),
    });
    await provider.getToken();
    let isOver = false;
    let calls = 0;
    const failures: string[] = [];
    const callers = Array.from({ length: CALLERS }, async () => {
      while (!isOver) {
        await provider.getToken().then(
          ({ accessToken }) => ims.isIssued(accessToken) || failures.push('a token of nobody'),
          (error: unknown) => failures.push(String(error)),
        );
        calls++;
        await new Promise((done) => setTimeout(done, 5));
      }
    });
    const before = ims.exchanges;
    const seen = new Set<string>();
    for (let rotation = 0; rotation < 3; rotation++) {
      const [old] = ims.clientSecrets(CLIENT_ID);
      const { code, stdout, stderr } = await rotate('--yes', '--output', 'json');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const [now, ...more] = ims.clientSecrets(CLIENT_ID);
      expect(more).toEqual([]);
      expect(JSON.parse(stdout)).toMatchObject({ rotated: true, old_uuid: old?.uuid, new_uuid: now?.uuid });
      expectNoSecrets(stdout, [now?.clientSecret ?? '']);
      seen.add(now?.uuid ?? '');
      // Longer than a token lives.
      await new Promise((done) => setTimeout(done, 1500));
    }
    isOver = true;
    await Promise.all(callers);
    await provider.close();
    expect(failures).toEqual([]);
    expect(seen.size).toBe(3);
    expect(calls).toBeGreaterThan(CALLERS * 10);
    expect(ims.exchanges - before).toBeGreaterThan(6);
    expectNoSecrets(
      warnings,
      ims.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret),
    );
  });

  it('gives tokens by the version before, when the new secret is deleted at Adobe', async () => {
    const [old] = ims.clientSecrets(CLIENT_ID);
    expect((await rotate('--yes')).code).toBe(0);
    ims.setClientSecrets(CLIENT_ID, [old?.clientSecret ?? '']);
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const provider = createTokenProvider(config, { env: store.env, cwd: folder, onWarning });
    const { accessToken } = await provider.getToken();
    await provider.close();
    expect(ims.isIssued(accessToken)).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/the credential of (AWSPREVIOUS|version \d+) worked$/)]);
  });
});
