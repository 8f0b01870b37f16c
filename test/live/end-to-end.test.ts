import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { startAppServiceIdentity } from '../support/azure/managed-identity.js';
import { type AzureStandIn, startAzure } from '../support/azure/stand-in.js';
import { expectNoSecrets } from '../support/leaks.js';
import { startInstanceMetadata } from './servers/imds.js';
import { type Moto, startMoto } from './servers/moto.js';
import { startOpenBao, type VaultServer } from './servers/openbao.js';
import { startRecordingProxy } from './servers/recording-proxy.js';

const CLI = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
const COSTS = readFileSync(new URL('../../docs/costs.md', import.meta.url), 'utf8');
const CLIENT_ID = 'end-to-end-client';
const CLIENT_SECRET = `p8e-${randomBytes(16).toString('hex')}`;
const SECRET = JSON.stringify({ client_id: CLIENT_ID, client_secret: CLIENT_SECRET });

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** The requests that docs/costs.md claims for a cold token. */
function claimedRequests(row: string): { store: number; ims: number } {
  const [, store, ims] =
    new RegExp(`^\\| ${row.replace(/[()]/g, '\\$&')} \\| (\\d+)[^|]*\\| (\\d+) \\|`, 'm').exec(COSTS) ?? [];
  expect(store, `docs/costs.md has no row "${row}"`).toBeDefined();
  return { store: Number(store), ims: Number(ims) };
}

describe('imsvault token, as a user runs it', () => {
  let ims: ImsEmulator;
  let folder: string;
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    ims = await createImsEmulator({ clients: [{ clientId: CLIENT_ID, clientSecrets: [CLIENT_SECRET] }] }).start();
    folder = mkdtempSync(join(tmpdir(), 'imsvault-e2e-'));
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
    await ims?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs the command line in a child process with an environment of its own. */
  function run(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [CLI, ...args],
        {
          cwd: folder,
          env: { PATH: process.env.PATH ?? '', HOME: folder, IMSVAULT_CACHE: 'off', ...env },
          timeout: 60_000,
        },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
      );
    });
  }

  function writeConfig(name: string, credentials: object): string {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ ims: { tokenEndpoint: ims.tokenEndpoint }, credentials }));
    return file;
  }

  /** The one thing that changes between stores is the config file; `env` is what their platform sets by itself. */
  async function expectToken(config: string | undefined, env: Record<string, string> = {}): Promise<void> {
    const before = ims.requests.length;
    const named = config === undefined ? [] : ['--config', config];
    const { code, stdout, stderr } = await run(['token', ...named], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`${ims.issuedTokens().at(-1)}\n`);
    expect(ims.requests.length - before).toBe(1);

    const doctor = await run(['doctor', ...named], env);
    expect(doctor.code, doctor.stdout + doctor.stderr).toBe(0);
    expect(doctor.stdout).not.toContain('✗');
    expectNoSecrets(doctor.stdout + doctor.stderr, [CLIENT_SECRET, ...ims.issuedTokens()]);
  }

  it('env, without a config file', async () => {
    const env = {
      FUSION_CLIENT_ID: CLIENT_ID,
      FUSION_CLIENT_SECRET: CLIENT_SECRET,
      IMSVAULT_IMS_TOKEN_ENDPOINT: ims.tokenEndpoint,
    };
    await expectToken(undefined, env);
    expect(claimedRequests('env')).toEqual({ store: 0, ims: 1 });
  });

  describe('OpenBao', () => {
    let bao: VaultServer;
    beforeAll(async () => {
      bao = await startOpenBao();
      closers.push(() => bao.close());
      await bao.api('secret/data/ims/fusion', { data: JSON.parse(SECRET) });
      await bao.api('sys/policies/acl/ims', { policy: 'path "secret/data/ims/fusion" { capabilities = ["read"] }' });
      await bao.api('sys/auth/approle', { type: 'approle' });
      await bao.api('auth/approle/role/ims', { token_policies: 'ims', token_ttl: '1h' });
    });

    it('with AppRole', async () => {
      const { data: role } = (await bao.api('auth/approle/role/ims/role-id')) as { data: { role_id: string } };
      const { data: secret } = (await bao.api('auth/approle/role/ims/secret-id', {})) as {
        data: { secret_id: string };
      };
      writeFileSync(join(folder, 'secret-id'), secret.secret_id);
      const proxy = await startRecordingProxy(bao.address);
      closers.push(() => proxy.close());
      const config = writeConfig('vault-approle', {
        provider: 'vault',
        address: proxy.url,
        path: 'ims/fusion',
        auth: { method: 'approle', roleId: role.role_id, secretIdFile: 'secret-id' },
      });
      await run(['token', '--config', config]);
      expect(proxy.requests).toEqual(['POST /v1/auth/approle/login 200', 'GET /v1/secret/data/ims/fusion 200']);
      expect(claimedRequests('vault, a login (approle, kubernetes, jwt, cert)').store).toBe(proxy.requests.length);
      await expectToken(config);
    });

    it('with a token', async () => {
      const proxy = await startRecordingProxy(bao.address);
      closers.push(() => proxy.close());
      const config = writeConfig('vault-token', { provider: 'vault', address: proxy.url, path: 'ims/fusion' });
      await run(['token', '--config', config], { VAULT_TOKEN: bao.adminToken });
      expect(claimedRequests('vault, a token').store).toBe(proxy.requests.length);
      await expectToken(config, { VAULT_TOKEN: bao.adminToken });
    });
  });

  it('moto, with the role that IMDSv2 gives', async () => {
    const moto: Moto = await startMoto();
    closers.push(() => moto.close());
    await moto.putSecret('ims/fusion', SECRET);
    const session = await moto.assumeRole(await moto.createRole('instance', ['secretsmanager:GetSecretValue']));
    const imds = await startInstanceMetadata('instance', session);
    closers.push(() => imds.close());
    const config = writeConfig('aws', {
      provider: 'aws-secrets-manager',
      secretId: 'ims/fusion',
      region: 'eu-west-1',
      endpoint: moto.endpoint,
    });
    moto.requests.length = 0;
    await run(['token', '--config', config], { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint });
    expect(moto.requests.map(({ action, accessKeyId }) => [action, accessKeyId])).toEqual([
      ['GetSecretValue', session.accessKeyId],
    ]);
    expect(claimedRequests('aws-secrets-manager, the role of an EC2 instance').store).toBe(1 + imds.requests.length);
    await expectToken(config, { AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint });
  });

  it('Key Vault, with a managed identity', async () => {
    const azure: AzureStandIn = await startAzure();
    closers.push(() => azure.close());
    azure.vault.store.add('ims-fusion', SECRET, {});
    azure.vault.grant('the-identity', 'get');
    const msi = await startAppServiceIdentity(azure.issuer, { system: 'the-identity' });
    closers.push(() => msi.close());
    const config = writeConfig('azure', {
      provider: 'azure-key-vault',
      ...azure.trust,
      secretName: 'ims-fusion',
      auth: { method: 'managed-identity' },
    });
    await run(['token', '--config', config], msi.env);
    const asked = azure.vault.requests.length + msi.requests.length;
    expect(claimedRequests('azure-key-vault, a managed identity').store).toBe(asked);
    await expectToken(config, msi.env);
  });
});
