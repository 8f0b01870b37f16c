import type {
  $Command,
  SecretsManagerClient,
  SecretsManagerClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-secrets-manager';
import { ImsvaultError, vendorCause } from '../../src/errors.js';
import { parseRetryAfter } from '../../src/retry.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { translateAwsError } from './aws-error.js';
import { createClient, type Sdk } from './clients.js';
import { translateCredentialsError } from './credentials-error.js';
import { type AwsConnection, type AwsSecretRef, REGION, regionOfArn } from './options.js';
import type { RequestHandler } from './request-handler.js';

/** Calls on the secrets of one connection, each tried once. */
export interface Session {
  /**
   * @param access `write` gives the hints for those who may read and not write
   * @throws ImsvaultError
   */
  call<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    ref: AwsSecretRef,
    command: $Command<Input, Output, SecretsManagerClientResolvedConfig>,
    signal: AbortSignal,
    access?: 'read' | 'write',
  ): Promise<{ output: Output; serverTime: number | undefined }>;
  /** For messages. */
  describe(ref: AwsSecretRef): string;
  close(): void;
}

export function createSession(
  sdk: Sdk,
  connection: AwsConnection,
  context: ProviderContext,
  handler: RequestHandler,
): Session {
  const clients = new Map<string | undefined, SecretsManagerClient>();

  function clientFor(region: string | undefined): SecretsManagerClient {
    const client = clients.get(region) ?? createClient(sdk, connection, region, handler);
    clients.set(region, client);
    return client;
  }

  return {
    describe: (ref) => describe(ref, connection, context),
    async call(ref, command, signal, access = 'read') {
      const place = describe(ref, connection, context);
      const region = regionOf(ref, connection, context);
      if (region !== undefined && !REGION.test(region)) {
        throw new ImsvaultError('ERR_SECRET_MALFORMED', `${place}: this is not the name of an AWS region`, {
          hint: 'Correct AWS_REGION or AWS_DEFAULT_REGION: eu-west-1, for example.',
        });
      }
      const client = clientFor(region);
      // Credentials that were refused may have been replaced meanwhile; the next call looks for them anew.
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
            access,
            status: answer?.statusCode,
            skewMs: serverTime === undefined ? undefined : now - serverTime,
            retryAfterMs: parseRetryAfter(answer?.headers['retry-after'], serverTime ?? now),
          }),
        );
      });
      return { output, serverTime: serverTimeOf(answer) };
    },
    close() {
      for (const client of clients.values()) client.destroy();
      clients.clear();
    },
  };
}

function regionOf({ secretId }: AwsSecretRef, connection: AwsConnection, { env }: ProviderContext): string | undefined {
  // AWS_DEFAULT_REGION is what the AWS CLI and other SDKs read; the one for JavaScript does not.
  return connection.region || regionOfArn(secretId) || env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined;
}

function describe(ref: AwsSecretRef, connection: AwsConnection, context: ProviderContext): string {
  const region = regionOf(ref, connection, context);
  return `AWS Secrets Manager secret "${ref.secretId}"${region === undefined ? '' : ` in ${region}`}`;
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
