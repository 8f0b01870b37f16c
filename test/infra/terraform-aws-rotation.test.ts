import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import type { Moto } from '../live/servers/moto.js';
import { awsEnvironment } from '../support/aws/environment.js';
import { startAwsStand } from './support/aws-stand.js';
import { copyExample, findPlugins, findTerraform, skipReason, type Terraform } from './support/terraform.js';

const title = 'infra/terraform/aws with rotation';
const terraform = findTerraform();
const plugins = findPlugins('hashicorp/aws');
const skipped = skipReason(title, terraform, plugins);

const BUILD = fileURLToPath(new URL('../../infra/lambda/rotation/build.mjs', import.meta.url));
const CLIENT_ID = 'emulator-client-id';

interface StateResource {
  type: string;
  name: string;
  index?: string;
  values: Record<string, unknown>;
}

interface Policy {
  Statement: { Sid: string; Action: string | string[]; Resource: string; Condition?: object }[];
}

describe.skipIf(skipped !== undefined)(`${title}${skipped === undefined ? '' : ` (not run: ${skipped})`}`, () => {
  let moto: Moto;
  let example: Terraform;
  let folder: string;
  let resources: StateResource[];
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'imsvault-rotation-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    execFileSync(process.execPath, [BUILD, folder], { stdio: 'pipe' });
    const stand = await startAwsStand();
    ({ moto } = stand);
    closing.push(() => moto.close());
    const program = 'program' in terraform ? terraform.program : expect.unreachable();
    example = copyExample('aws', 'rotation', program, stand.providerBlock);
    closing.push(() => example.remove());
    await example.run('init', '-no-color', `-plugin-dir=${'folder' in plugins ? plugins.folder : ''}`);
    // moto takes no signature of Terraform's for requests to Lambda.
    await moto.leaveUnchecked(100_000);
    await example.run('apply', '-auto-approve', '-no-color');
    await moto.putSecret(
      'ims/fusion',
      JSON.stringify({ client_id: CLIENT_ID, client_secret: 'emulator-client-secret' }),
    );
    await moto.leaveUnchecked(100_000);
    await example.run('apply', '-auto-approve', '-no-color', ...variables());
    await moto.leaveUnchecked(0);
    const { values } = JSON.parse(await example.run('show', '-json')) as {
      values: { root_module: { child_modules: { resources: StateResource[] }[] } };
    };
    resources = values.root_module.child_modules.flatMap((module) => module.resources);
  }, 600_000);
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
    vi.unstubAllEnvs();
  });

  const variables = () => ['-var', 'rotate=true', '-var', `zip_file=${join(folder, 'rotation.zip')}`];

  function only(type: string, name: string): Record<string, unknown> {
    const found = resources.filter((resource) => resource.type === type && resource.name === name);
    expect(found).toHaveLength(1);
    return found[0]?.values ?? expect.unreachable();
  }

  it('packs the same bytes again', () => {
    const first = readFileSync(join(folder, 'rotation.zip'));
    execFileSync(process.execPath, [BUILD, folder], { stdio: 'pipe' });
    expect(readFileSync(join(folder, 'rotation.zip')).equals(first)).toBe(true);
  });

  it('rotates with the packed function and the rights of its role', async () => {
    const ims = await createImsEmulator().start();
    closing.push(() => ims.stop());
    const lambda = only('aws_lambda_function', 'rotation');
    const [{ variables: environment }] = lambda.environment as [{ variables: Record<string, string> }];
    const session = await moto.assumeRole(String(lambda.role));
    awsEnvironment({
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: moto.endpoint,
      AWS_ACCESS_KEY_ID: session.accessKeyId,
      AWS_SECRET_ACCESS_KEY: session.secretAccessKey,
      AWS_SESSION_TOKEN: session.sessionToken ?? '',
      ...environment,
      // The example names a credential of the Developer Console; this is the emulator's.
      IMSVAULT_ROTATION_ORG_ID: '1000001',
      IMSVAULT_ROTATION_CREDENTIAL_ID: '2000002',
      IMSVAULT_ROTATION_TOKEN_ENDPOINT: ims.tokenEndpoint,
      IMSVAULT_ROTATION_API_ENDPOINT: ims.url,
    });
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const { handler } = await import(pathToFileURL(join(folder, 'index.mjs')).href);
    const SecretId = String(only('aws_secretsmanager_secret', 'credential').arn);
    const ClientRequestToken = randomUUID();
    for (const Step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
      await handler({ Step, SecretId, ClientRequestToken }, { getRemainingTimeInMillis: () => 120_000 });
    }
    vi.restoreAllMocks();
    expect(ims.clientSecrets(CLIENT_ID)).toHaveLength(2);

    const client = new SecretsManagerClient({ maxAttempts: 1 });
    closing.push(() => client.destroy());
    const token = String(only('aws_secretsmanager_secret', 'token').arn);
    await expect(client.send(new GetSecretValueCommand({ SecretId: token }))).rejects.toThrow(/not authorized/);
  });

  it('grants each role its own secrets, by their whole ARN, and the key for these secrets alone', () => {
    const granted = resources
      .filter(({ type }) => type === 'aws_iam_role_policy')
      .flatMap(({ values }) =>
        (JSON.parse(String(values.policy)) as Policy).Statement.map((statement) => ({
          role: values.role,
          ...statement,
        })),
      );
    const [credential, token] = ['credential', 'token'].map((name) => only('aws_secretsmanager_secret', name).arn);
    const key = only('aws_kms_key', 'this').arn;
    const logs = `${only('aws_cloudwatch_log_group', 'rotation').arn}:*`;
    for (const { Resource } of granted) expect([credential, token, key, logs]).toContain(Resource);
    const keyUses = granted.filter(({ Resource }) => Resource === key);
    const secretsOf = (...SecretARN: unknown[]) => ({
      StringEquals: {
        'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com',
        'kms:EncryptionContext:SecretARN': SecretARN,
      },
    });
    expect(Object.fromEntries(keyUses.map(({ role, Action, Condition }) => [role, { Action, Condition }]))).toEqual({
      'ims-fusion-renewer': {
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Condition: secretsOf(credential, token),
      },
      'ims-fusion-consumer': { Action: ['kms:Decrypt'], Condition: secretsOf(token) },
      'ims-fusion-rotation': { Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Condition: secretsOf(credential) },
    });
  });

  it('lets Secrets Manager call the function for this secret alone', () => {
    expect(only('aws_lambda_permission', 'rotation')).toMatchObject({
      principal: 'secretsmanager.amazonaws.com',
      action: 'lambda:InvokeFunction',
      source_arn: only('aws_secretsmanager_secret', 'credential').arn,
      source_account: '123456789012',
    });
  });
});
