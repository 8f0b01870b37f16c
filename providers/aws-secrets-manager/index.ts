import type { GetSecretValueCommandOutput, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeadlineExceeded, withDeadline } from '../../src/deadline.js';
import { ImsvaultError, vendorCause } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import { parseRetryAfter } from '../../src/retry.js';
import { defineProvider, type ProviderContext, type SecretVersion } from '../../src/secret/provider.js';
import { translateAwsError } from './aws-error.js';
import { createClient, loadAwsSdk } from './clients.js';
import { translateCredentialsError } from './credentials-error.js';
import {
  type AwsConnection,
  type AwsSecretRef,
  type AwsSecretsManagerOptions,
  awsSecretsManagerOptions,
  type RefOption,
} from './options.js';
import { createRequestHandler } from './request-handler.js';

/** One secret of AWS Secrets Manager, read with whatever role or login the AWS SDK finds on this machine. */
export default defineProvider<AwsSecretsManagerOptions, RefOption>({
  name: 'aws-secrets-manager',
  options: awsSecretsManagerOptions,
  refOptions: ['secretId', 'versionStage', 'versionId'],
  async createProvider(connection, context) {
    const sdk = await loadAwsSdk(connection.assumeRole !== undefined);
    const http = context.createHttpClient({ timeouts: { totalMs: context.timeoutMs } });
    const handler = createRequestHandler(http, connection.allowSecretsOverPlainHttp);
    const clients = new Map<string | undefined, SecretsManagerClient>();

    function clientFor(region: string | undefined): SecretsManagerClient {
      const client = clients.get(region) ?? createClient(sdk, connection, region, handler);
      clients.set(region, client);
      return client;
    }

    async function read(ref: AwsSecretRef, signal: AbortSignal): Promise<SecretVersion> {
      const place = describe(ref, connection, context);
      const region = regionOf(ref, connection, context);
      const client = clientFor(region);
      // Credentials that were refused may have been replaced meanwhile; the next read looks for them anew.
      const forgetIfDenied = (error: ImsvaultError) => {
        if (error.code === 'ERR_SECRET_ACCESS_DENIED' && clients.get(region) === client) clients.delete(region);
        return error;
      };
      await client.config.region().catch((error: unknown) => {
        throw noRegion(place, error);
      });
      await client.config.credentials().catch((error: unknown) => {
        const about = { place, env: context.env, awsProfile: connection.awsProfile };
        throw forgetIfDenied(translateCredentialsError(error, about));
      });

      const command = new sdk.secretsManager.GetSecretValueCommand(toInput(ref));
      let answer: Answer | undefined;
      command.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args);
          answer = result.response as Answer;
          return result;
        },
        // Next to the wire, so that it sees the answers that become errors too.
        { step: 'deserialize', priority: 'low', name: 'keepAnswer' },
      );
      const output = await client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        const now = context.clock.now();
        const serverTime = serverTimeOf(answer);
        throw forgetIfDenied(
          translateAwsError(error, {
            place,
            status: answer?.statusCode,
            skewMs: serverTime === undefined ? undefined : now - serverTime,
            retryAfterMs: parseRetryAfter(answer?.headers['retry-after'], serverTime ?? now),
          }),
        );
      });
      return toVersion(output, ref, place, serverTimeOf(answer));
    }

    return {
      name: 'aws-secrets-manager',
      describe: (ref) => describe(ref, connection, context),
      async readSecret(ref, { signal } = {}) {
        try {
          // The look-up of credentials takes no signal, and has its own idea of how long to wait.
          return await withDeadline(context.clock, context.timeoutMs, signal, (bounded) => read(ref, bounded));
        } catch (error) {
          if (signal?.aborted || !(error instanceof DeadlineExceeded)) throw error;
          throw translateAwsError(error, { place: describe(ref, connection, context) });
        }
      },
      async close() {
        for (const client of clients.values()) client.destroy();
        clients.clear();
        await http.close();
      },
    };
  },
});

/** `arn:partition:secretsmanager:REGION:account:secret:name` */
function regionOf({ secretId }: AwsSecretRef, connection: AwsConnection, { env }: ProviderContext): string | undefined {
  const inArn = secretId.startsWith('arn:') ? secretId.split(':')[3] : undefined;
  // AWS_DEFAULT_REGION is what the AWS CLI and other SDKs read; the one for JavaScript does not.
  return connection.region || inArn || env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined;
}

function describe(ref: AwsSecretRef, connection: AwsConnection, context: ProviderContext): string {
  const region = regionOf(ref, connection, context);
  return `AWS Secrets Manager secret "${ref.secretId}"${region === undefined ? '' : ` in ${region}`}`;
}

/** AWSCURRENT is asked for by name: not every server of this API takes it for the default after a rotation. */
function toInput({ secretId, versionId, versionStage }: AwsSecretRef) {
  return {
    SecretId: secretId,
    ...(versionId === undefined ? { VersionStage: versionStage ?? 'AWSCURRENT' } : { VersionId: versionId }),
    ...(versionId !== undefined && versionStage !== undefined ? { VersionStage: versionStage } : {}),
  };
}

function toVersion(
  output: GetSecretValueCommandOutput,
  { versionStage = 'AWSCURRENT' }: AwsSecretRef,
  place: string,
  serverTime: number | undefined,
): SecretVersion {
  const { VersionId: id, VersionStages: stages = [], CreatedDate: created } = output;
  if (id === undefined) throw malformed(place, 'the answer names no version');
  const stage = stages.includes(versionStage) ? versionStage : stages[0];
  return {
    value: decodeValue(output, place),
    id,
    ...(created === undefined ? {} : { createdAt: created.getTime() }),
    ...(stage === undefined ? {} : { stage }),
    ...(serverTime === undefined ? {} : { serverTime }),
  };
}

function decodeValue({ SecretString: text, SecretBinary: bytes }: GetSecretValueCommandOutput, place: string) {
  if (text !== undefined) return redact(text);
  if (bytes === undefined) throw malformed(place, 'it has no value');
  try {
    return redact(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed(place, 'it is binary and not UTF-8 text', 'Store the credential as JSON text.');
  }
}

function malformed(place: string, message: string, hint?: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_MALFORMED', `${place}: ${message}`, hint === undefined ? {} : { hint });
}

function noRegion(place: string, error: unknown): ImsvaultError {
  return new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', `${place}: no AWS region is set`, {
    hint: 'Set the region option, AWS_REGION, or region in the AWS profile; or name the secret by its ARN. EC2 does not tell its region by itself.',
    cause: vendorCause(error),
  });
}

/** The part of an HTTP answer that the SDK's own outputs leave out. */
interface Answer {
  statusCode: number;
  headers: Readonly<Record<string, string>>;
}

function serverTimeOf(answer: Answer | undefined): number | undefined {
  const date = Date.parse(answer?.headers.date ?? '');
  return Number.isNaN(date) ? undefined : date;
}
