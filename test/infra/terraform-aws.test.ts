import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  TagResourceCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { createTokenProvider, type ImsvaultConfig } from '../../src/index.js';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import type { Keys, Moto } from '../live/servers/moto.js';
import { awsEnvironment } from '../support/aws/environment.js';
import { startAwsStand } from './support/aws-stand.js';
import { copyExample, findPlugins, findTerraform, skipReason, type Terraform } from './support/terraform.js';

const title = 'infra/terraform/aws';
const terraform = findTerraform();
const plugins = findPlugins('hashicorp/aws');
const skipped = skipReason(title, terraform, plugins);

const CREDENTIAL = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' };
const OTHER = 'somebody/else';

interface Outputs {
  credential_secret_arn: string;
  token_secret_arn: string;
  role_arns: Record<'renewer' | 'consumer', string>;
  instance_profile_names: Record<string, string>;
  renewer_config: string;
  consumer_config: string;
}

describe.skipIf(skipped !== undefined)(`${title}${skipped === undefined ? '' : ` (not run: ${skipped})`}`, () => {
  let moto: Moto;
  let admin: SecretsManagerClient;
  let providerBlock: string;
  let ims: ImsEmulator;
  let basic: Terraform;
  let outputs: Outputs;
  const sessions: Record<string, Keys> = {};
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    const stand = await startAwsStand();
    ({ moto, providerBlock } = stand);
    closing.push(() => moto.close());
    admin = clientFor(stand.admin);
    await moto.putSecret(OTHER, 'of somebody else');
    ims = await createImsEmulator().start();
    closing.push(() => ims.stop());
    basic = await open('basic');
    await basic.run('apply', '-auto-approve', '-no-color');
    outputs = JSON.parse(await basic.run('output', '-json', 'imsvault')) as Outputs;
    await admin.send(
      new PutSecretValueCommand({ SecretId: outputs.credential_secret_arn, SecretString: JSON.stringify(CREDENTIAL) }),
    );
    for (const [name, arn] of Object.entries(outputs.role_arns)) sessions[name] = await moto.assumeRole(arn);
  }, 600_000);

  afterAll(async () => {
    for (const close of closing.reverse()) await close();
    vi.unstubAllEnvs();
  });

  async function open(example: string): Promise<Terraform> {
    const copy = copyExample(
      'aws',
      example,
      'program' in terraform ? terraform.program : expect.unreachable(),
      providerBlock,
    );
    closing.push(() => copy.remove());
    await copy.run('init', '-no-color', `-plugin-dir=${'folder' in plugins ? plugins.folder : ''}`);
    return copy;
  }

  function clientFor({ accessKeyId, secretAccessKey, sessionToken }: Keys): SecretsManagerClient {
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    const client = new SecretsManagerClient({
      endpoint: moto.endpoint,
      region: 'eu-west-1',
      credentials,
      maxAttempts: 1,
    });
    closing.push(() => client.destroy());
    return client;
  }

  const clientOf = (name: string) => clientFor(sessions[name] ?? expect.unreachable());

  /** imsvault with the config that the module prints, as a program with that role runs it. */
  async function getToken(name: 'renewer' | 'consumer'): Promise<string> {
    const { accessKeyId, secretAccessKey, sessionToken = '' } = sessions[name] ?? expect.unreachable();
    const env = awsEnvironment({
      AWS_ENDPOINT_URL_SECRETS_MANAGER: moto.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    });
    const printed = parse(outputs[`${name}_config`]) as ImsvaultConfig;
    const warnings: string[] = [];
    const provider = createTokenProvider({ ims: { tokenEndpoint: ims.tokenEndpoint }, ...printed } as ImsvaultConfig, {
      env,
      onWarning: (message) => warnings.push(message),
    });
    try {
      const { accessToken } = await provider.getToken();
      expect(warnings).toEqual([]);
      return accessToken;
    } finally {
      await provider.close();
    }
  }

  /** What each of these calls answers to a role: `ok`, or the name of the error. */
  async function tryEverything(client: SecretsManagerClient): Promise<Record<string, string>> {
    const token = outputs.token_secret_arn;
    const answers: Record<string, string> = {};
    for (const [what, SecretId] of [
      ['credential', outputs.credential_secret_arn],
      ['token', token],
      ['other', OTHER],
    ] as const) {
      const commands = {
        read: new GetSecretValueCommand({ SecretId, VersionStage: 'AWSCURRENT' }),
        describe: new DescribeSecretCommand({ SecretId }),
        put: new PutSecretValueCommand({ SecretId, SecretString: 'forged', VersionStages: ['PROBE'] }),
        move: new UpdateSecretVersionStageCommand({ SecretId, VersionStage: 'PROBE' }),
        tag: new TagResourceCommand({ SecretId, Tags: [{ Key: 'imsvault:generation', Value: '0' }] }),
        delete: new DeleteSecretCommand({ SecretId }),
      };
      for (const [action, command] of Object.entries(commands)) {
        answers[`${action} ${what}`] = await answerOf(client.send(command as GetSecretValueCommand));
      }
    }
    answers['list all'] = await answerOf(client.send(new ListSecretsCommand({})));
    answers['create another'] = await answerOf(
      client.send(new CreateSecretCommand({ Name: 'ims/fusion-tokens', SecretString: 'x' })),
    );
    return answers;
  }

  const answerOf = (sent: Promise<unknown>) =>
    sent.then(
      () => 'ok',
      (error: Error) => error.name,
    );
  const allowedOf = (answers: Record<string, string>) =>
    Object.keys(answers).filter((action) => answers[action] !== 'AccessDeniedException');

  it('makes both secrets empty, so that no value is in the state', async () => {
    const state = await basic.run('show', '-json');
    expect(state).not.toContain('secret_string');
    expect(state).not.toContain(CREDENTIAL.client_secret);
    const { VersionIdsToStages = {} } = await admin.send(
      new DescribeSecretCommand({ SecretId: outputs.token_secret_arn }),
    );
    expect(VersionIdsToStages).toEqual({});
    expect(outputs.instance_profile_names).toEqual({ consumer: 'ims-fusion-consumer' });
  });

  it('prints configs that work: the renewer makes the token, and the consumer takes it', async () => {
    const token = await getToken('renewer');
    expect(ims.isIssued(token)).toBe(true);
    expect(await getToken('consumer')).toBe(token);
    expect(await getToken('renewer')).toBe(token);
    expect(ims.exchanges).toBe(1);
  });

  it('finds nothing to change afterwards, the tags of imsvault included', async () => {
    const { Tags = [] } = await admin.send(new DescribeSecretCommand({ SecretId: outputs.token_secret_arn }));
    expect(Tags.map(({ Key }) => Key)).toContain('imsvault:generation');
    await basic.run('plan', '-detailed-exitcode', '-no-color');
  });

  it('lets a renewer read the credential, read and write the token, and do nothing else', async () => {
    expect(allowedOf(await tryEverything(clientOf('renewer')))).toEqual([
      'read credential',
      'read token',
      'describe token',
      'put token',
      'move token',
      'tag token',
    ]);
  });

  it('lets a consumer read the token, and do nothing else', async () => {
    expect(allowedOf(await tryEverything(clientOf('consumer')))).toEqual(['read token']);
  });

  it('would see a right too many: an administrator may do all of it', async () => {
    expect(await answerOf(admin.send(new DescribeSecretCommand({ SecretId: OTHER })))).toBe('ok');
    expect(await answerOf(admin.send(new ListSecretsCommand({})))).toBe('ok');
  });

  it.each(['basic', 'eks', 'rotation'])('%s: valid', async (example) => {
    await (await open(example)).run('validate', '-no-color');
  });

  it('destroys all of it', { timeout: 300_000 }, async () => {
    await basic.run('destroy', '-auto-approve', '-no-color');
    expect(JSON.parse(await basic.run('show', '-json')).values).toBeUndefined();
  });
});
