import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { STSClient } from '@aws-sdk/client-sts';
import { ImsvaultError } from '../../src/errors.js';
import { loadSdk } from '../../src/secret/load-sdk.js';
import type { AwsConnection } from './options.js';
import type { RequestHandler } from './request-handler.js';

export interface Sdk {
  secretsManager: typeof import('@aws-sdk/client-secrets-manager');
  /** Only where a role is to be assumed. */
  sts?: typeof import('@aws-sdk/client-sts');
}

const importers = {
  secretsManager: () => import('@aws-sdk/client-secrets-manager'),
  sts: () => import('@aws-sdk/client-sts'),
};

/** @throws ERR_PROVIDER_NOT_INSTALLED */
export async function loadAwsSdk(assumesRole: boolean, load = importers): Promise<Sdk> {
  const name = 'aws-secrets-manager';
  const secretsManager = await loadSdk(load.secretsManager, name, '@aws-sdk/client-secrets-manager');
  if (!assumesRole) return { secretsManager };
  // A package of its own: what the other one brings along for itself cannot be imported under pnpm or Yarn PnP.
  return { secretsManager, sts: await loadSdk(load.sts, name, '@aws-sdk/client-sts') };
}

type Client = SecretsManagerClient | STSClient;
type Credentials = SecretsManagerClient['config']['credentials'];

/** @param region undefined leaves it to the SDK, which then looks into the profile */
export function createClient(
  { secretsManager, sts }: Sdk,
  { endpoint, awsProfile, assumeRole }: AwsConnection,
  region: string | undefined,
  requestHandler: RequestHandler,
): SecretsManagerClient {
  const common = {
    requestHandler,
    // The core retries, within its own bounds.
    maxAttempts: 1,
    logger: SILENT,
    ...(region === undefined ? {} : { region }),
    ...(awsProfile === undefined ? {} : { profile: awsProfile }),
  };
  const source = (properties?: object) => defaultChain(properties);
  const role = assumeRole === undefined || sts === undefined ? undefined : { sts, assumeRole };
  const stsClient = role && new role.sts.STSClient({ ...common, credentials: source });
  const client = new secretsManager.SecretsManagerClient({
    ...common,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: role && stsClient ? () => assume(role.sts, stsClient, role.assumeRole) : source,
  });
  const defaultChain = createDefaultChain(client, awsProfile, requestHandler);
  return client;
}

/**
 * The SDK's default chain, taken from the client: the package that holds it is not this one's to import. Made here and
 * not by the client, because only so do the clients of IAM Identity Center get the request handler, and files that
 * changed (`aws configure`, a rotated key) are read again.
 */
function createDefaultChain(client: Client, profile: string | undefined, requestHandler: RequestHandler): Credentials {
  const create = client.config.credentialDefaultProvider;
  return create({
    ...(profile === undefined ? {} : { profile }),
    ignoreCache: true,
    logger: SILENT,
    clientConfig: { requestHandler, maxAttempts: 1 },
  });
}

async function assume(
  { AssumeRoleCommand }: NonNullable<Sdk['sts']>,
  client: STSClient,
  { roleArn, externalId, sessionName, durationSeconds }: NonNullable<AwsConnection['assumeRole']>,
) {
  const { Credentials: issued } = await client.send(
    new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
      ...(durationSeconds === undefined ? {} : { DurationSeconds: durationSeconds }),
    }),
  );
  if (!issued?.AccessKeyId || !issued.SecretAccessKey || !issued.SessionToken || !issued.Expiration) {
    throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', `STS answered without credentials for the role ${roleArn}`);
  }
  return {
    accessKeyId: issued.AccessKeyId,
    secretAccessKey: issued.SecretAccessKey,
    sessionToken: issued.SessionToken,
    expiration: issued.Expiration,
  };
}

/** Otherwise the credential chain writes its warnings to the console. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
