import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Block, blockOf, blocksIn, readPage } from '../docs/blocks.js';
import { CLIENT_ID, CLIENT_SECRET, createWorld, type World } from '../docs/scratch.js';
import { runCommands } from '../docs/shell.js';
import { startAppServiceIdentity } from '../support/azure/managed-identity.js';
import { type AzureStandIn, startAzure } from '../support/azure/stand-in.js';
import { startContainerCredentials } from './servers/container-credentials.js';
import { startInstanceMetadata } from './servers/imds.js';
import { type Keys, type Moto, startMoto } from './servers/moto.js';
import { startOpenBao, type VaultServer } from './servers/openbao.js';
import { signJwt } from './servers/token-review.js';
import { appRole, writeSecret } from './servers/vault-fixture.js';

const CREDENTIAL = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET };

let world: World;
const closers: (() => Promise<unknown>)[] = [];
function closeLater<T extends { close(): Promise<unknown> }>(server: T): T {
  closers.push(() => server.close());
  return server;
}
beforeAll(async () => {
  const sdks = ['node-vault', '@aws-sdk/client-secrets-manager', '@azure/keyvault-secrets', '@azure/identity'];
  world = closeLater(await createWorld(sdks));
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** The first line of a config that a page has the reader write. */
const NAMED = /^# (imsvault\.config\.yaml)\b/;

interface Machine {
  /** What the platform sets. */
  env?: Readonly<Record<string, string>>;
  /** Texts of the config in place of texts. */
  replace?: Readonly<Record<string, string>>;
}

/**
 * Runs the proof of a recipe beside the recipe's own config, under the name that the page gives it; returns what it says
 * of the store. Which file is meant, the page has to say: a file that is only found may not say everything.
 */
async function prove(proof: Block, { env = {}, replace = {} }: Machine): Promise<string> {
  const home = await world.home();
  const shown = blocksIn(proof.page, readPage(proof.page)).find(({ text }) => NAMED.test(text));
  const [, name = ''] = NAMED.exec(shown?.text ?? '') ?? [];
  let text = shown?.text ?? '';
  for (const [from, to] of Object.entries(replace)) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  await home.write(name, text);
  const before = world.ims.issuedTokens().length;
  const { stdout } = await runCommands(proof, home, {
    env: { FUSION_CLIENT_ID: '', FUSION_CLIENT_SECRET: '', ...env },
  });
  expect(world.ims.issuedTokens().length).toBe(before + 1);
  expect(stdout).toContain('✓ IMS: exchange');
  expect(stdout).toContain('Everything works.');
  return stdout;
}

describe('on AWS', () => {
  let moto: Moto;
  let roleArn: string;
  let session: Keys;
  let env: Record<string, string>;
  beforeAll(async () => {
    moto = closeLater(await startMoto());
    await moto.putSecret('ims/fusion', JSON.stringify(CREDENTIAL));
    roleArn = await moto.createRole('recipe', ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret']);
    session = await moto.assumeRole(roleArn);
    env = {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    };
  });
  const region = { AWS_REGION: 'eu-west-1' };

  it('EC2: the instance’s role', async () => {
    const imds = closeLater(await startInstanceMetadata('recipe', session));
    const instance = { ...env, AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint };
    await prove(blockOf('docs/recipes/ec2.md', 'npx imsvault doctor'), { env: instance });
    expect(imds.requests).toContain('GET /latest/meta-data/iam/security-credentials/recipe 200');
  });

  it('ECS: the task’s role', async () => {
    const container = closeLater(await startContainerCredentials(session));
    const task = { ...env, ...region, AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url };
    await prove(blockOf('docs/recipes/ecs.md', 'npx imsvault doctor'), { env: task });
    expect(container.statuses).toContain(200);
  });

  it('EKS: the service account’s role', async () => {
    const home = await world.home();
    const AWS_WEB_IDENTITY_TOKEN_FILE = await home.write('token', 'web.identity.token');
    const pod = { ...env, ...region, AWS_ROLE_ARN: roleArn, AWS_WEB_IDENTITY_TOKEN_FILE };
    await prove(blockOf('docs/recipes/eks.md', 'npx imsvault doctor'), { env: pod });
    expect(moto.requests.map(({ action }) => action)).toContain('AssumeRoleWithWebIdentity');
  });

  const keys = () => ({
    AWS_ACCESS_KEY_ID: session.accessKeyId,
    AWS_SECRET_ACCESS_KEY: session.secretAccessKey,
    AWS_SESSION_TOKEN: session.sessionToken ?? '',
  });

  it('Lambda: the session in the environment', async () => {
    await prove(blockOf('docs/recipes/lambda.md', 'npx imsvault doctor'), { env: { ...env, ...region, ...keys() } });
  });

  it('a laptop: variables, or a profile', async () => {
    const proof = blockOf('docs/recipes/laptop.md', 'npx imsvault doctor');
    const variables = { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET };
    expect(await prove(proof, { env: variables })).not.toContain('aws-secrets-manager: login');
    const home = await world.home();
    const lines = Object.entries(keys()).map(([name, value]) => `${name.toLowerCase()} = ${value}`);
    const AWS_SHARED_CREDENTIALS_FILE = await home.write('credentials', ['[work]', ...lines, ''].join('\n'));
    const AWS_CONFIG_FILE = await home.write('config', '');
    await prove(proof, { env: { ...env, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE } });
  });
});

describe('on Azure', () => {
  let azure: AzureStandIn;
  beforeAll(async () => {
    azure = closeLater(await startAzure());
    azure.vault.store.add('ims-fusion', JSON.stringify(CREDENTIAL), {});
  });
  /** By variables, which are not restricted; the vault is on loopback, which a found file may name as it may Microsoft's. */
  const standIn = (env: Readonly<Record<string, string>>) => ({
    replace: { 'https://my-vault.vault.azure.net': azure.vault.url },
    env: {
      ...env,
      IMSVAULT_CREDENTIALS_CA_FILE: azure.trust.caFile,
      IMSVAULT_CREDENTIALS_DISABLE_INSTANCE_DISCOVERY: 'true',
      IMSVAULT_CREDENTIALS_DISABLE_CHALLENGE_RESOURCE_VERIFICATION: 'true',
    },
  });

  it('AKS: the pod’s workload identity', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const [clientId, issuer, subject] = [
      randomUUID(),
      'https://oidc.example.com',
      'system:serviceaccount:ims:imsvault',
    ];
    azure.entra.register({ clientId, federated: { issuer, subject, publicKey } });
    azure.vault.grant(clientId, 'get');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: subject,
      aud: 'api://AzureADTokenExchange',
      iat: now,
      nbf: now,
      exp: now + 3600,
    };
    const env = {
      AZURE_FEDERATED_TOKEN_FILE: await azure.file('token', signJwt(claims, privateKey)),
      AZURE_CLIENT_ID: clientId,
      AZURE_TENANT_ID: azure.issuer.tenantId,
      AZURE_AUTHORITY_HOST: new URL(azure.entra.url).origin,
    };
    await prove(blockOf('docs/recipes/aks.md', 'npx imsvault doctor'), standIn(env));
    expect(azure.vault.callers.at(-1)).toBe(clientId);
  });

  it('App Service: the app’s managed identity', async () => {
    azure.vault.grant('the-app', 'get');
    const { env } = closeLater(await startAppServiceIdentity(azure.issuer, { system: 'the-app' }));
    await prove(blockOf('docs/recipes/app-service.md', 'npx imsvault doctor'), standIn(env));
    expect(azure.vault.callers.at(-1)).toBe('the-app');
  });
});

describe('with Vault', () => {
  let vault: VaultServer;
  beforeAll(async () => {
    vault = closeLater(await startOpenBao());
    await writeSecret(vault, 'secret/data/ims/fusion', { data: CREDENTIAL });
    await vault.api('sys/policies/acl/ims', {
      policy: 'path "secret/data/ims/fusion" { capabilities = ["read"] }',
    });
  });

  it('a server: AppRole', async () => {
    const home = await world.home();
    const { roleId, secretId } = await appRole(vault, 'ims');
    await home.write('role-id', roleId);
    await home.write('secret-id', secretId);
    const replace = { 'https://vault.example.com:8200': vault.address, '/etc/imsvault': home.folder };
    await prove(blockOf('docs/recipes/on-prem-vault.md', 'npx imsvault doctor'), { replace });
  });

  it('CI: the job’s identity', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await vault.api('sys/auth/jwt', { type: 'jwt' });
    await vault.api('auth/jwt/config', {
      jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })],
      bound_issuer: 'https://token.actions.githubusercontent.com',
    });
    const sub = 'repo:acme/import:ref:refs/heads/main';
    await vault.api('auth/jwt/role/imsvault-renewer', {
      ...{ role_type: 'jwt', user_claim: 'sub', bound_audiences: ['imsvault'], bound_subject: sub },
      token_policies: ['ims'],
    });
    const home = await world.home();
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: 'https://token.actions.githubusercontent.com',
      aud: 'imsvault',
      sub,
      iat: now,
      exp: now + 300,
    };
    await home.write('github-jwt', signJwt(claims, privateKey));
    await prove(blockOf('docs/recipes/ci.md', 'npx imsvault doctor'), {
      replace: { 'https://vault.example.com:8200': vault.address },
      env: { RUNNER_TEMP: join(home.folder) },
    });
  });
});
