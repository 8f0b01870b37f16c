import {
  CreateSecretCommand,
  DeleteSecretCommand,
  RestoreSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { type Moto, startMoto } from '../../live/servers/moto.js';
import { awsEnvironment } from '../../support/aws/environment.js';
import { send, type Trouble } from './link.js';
import { CREDENTIAL, type Ground, type Refusal, type RefusingStore } from './refusals.js';
import { newName } from './stores.js';

const USER = 'chaos-reader';
const READ = ['secretsmanager:GetSecretValue'];

export function awsRefusals(): RefusingStore {
  let moto: Moto;
  let admin: SecretsManagerClient;
  let env: Record<string, string>;

  const create = (Name: string) =>
    admin.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify(CREDENTIAL) }));

  const refusal = (fault: string, means: Refusal['means'], on: (secretId: string) => Trouble): Refusal => ({
    fault,
    means,
    async open(): Promise<Ground> {
      const secretId = newName();
      await create(secretId);
      const block = (endpoint: string) => ({
        provider: 'aws-secrets-manager',
        endpoint,
        secretId,
        region: 'eu-west-1',
      });
      return { url: moto.endpoint, block, env, trouble: on(secretId) };
    },
  });

  /** In the words of the API references; moto has neither KMS nor sessions that end. */
  const answering = (__type: string, message: string) => (): Trouble => ({
    answer: async (response) =>
      send(response, {
        status: 400,
        headers: { 'content-type': 'application/x-amz-json-1.1' },
        body: Buffer.from(JSON.stringify({ __type, message })),
      }),
  });

  return {
    provider: 'aws-secrets-manager',
    async start() {
      moto = await startMoto();
      const keys = await moto.createUser(USER, READ);
      const { accessKeyId, secretAccessKey } = await moto.createUser('chaos-admin', ['secretsmanager:*']);
      const credentials = { accessKeyId, secretAccessKey };
      env = awsEnvironment({ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey });
      admin = new SecretsManagerClient({ endpoint: moto.endpoint, region: 'eu-west-1', credentials });
    },
    async close() {
      admin?.destroy();
      await moto?.close();
    },
    refusals: [
      refusal(
        'login revoked',
        'denied',
        answering('ExpiredTokenException', 'The security token included in the request is expired'),
      ),
      refusal('permission removed', 'denied', () => ({
        strike: () => moto.allowUser(USER, ['secretsmanager:DescribeSecret']),
        mend: () => moto.allowUser(USER, READ),
      })),
      refusal('secret deleted', 'missing', (SecretId) => ({
        strike: () => admin.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })),
        mend: () => create(SecretId),
      })),
      refusal('secret deleted, pending its removal', 'missing', (SecretId) => ({
        strike: () => admin.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays: 7 })),
        mend: () => admin.send(new RestoreSecretCommand({ SecretId })),
      })),
      refusal('KMS key denied', 'denied', answering('AccessDeniedException', 'Access to KMS is not allowed')),
      refusal(
        'KMS key disabled',
        'denied',
        answering('DecryptionFailure', 'Secrets Manager cannot decrypt the protected secret text'),
      ),
    ],
  };
}
