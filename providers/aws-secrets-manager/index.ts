import { DeadlineExceeded, withDeadline } from '../../src/deadline.js';
import { defineProvider, type SecretVersion } from '../../src/secret/provider.js';
import { createAnnotator } from './annotate.js';
import { translateAwsError } from './aws-error.js';
import { loadAwsSdk } from './clients.js';
import {
  type AwsSecretRef,
  type AwsSecretsManagerOptions,
  awsSecretsManagerOptions,
  type RefOption,
} from './options.js';
import { readStages } from './other-versions.js';
import { createReplacer } from './replace.js';
import { createRequestHandler } from './request-handler.js';
import { toInput, toVersion } from './secret-value.js';
import { createSession } from './session.js';

/** Of about 100 versions none is removed within its first day: 72 of them leave room for tokens. */
const WRITE_INTERVAL_MS = 20 * 60_000;

/** One secret of AWS Secrets Manager, with whatever role or login the AWS SDK finds on this machine. */
export default defineProvider<AwsSecretsManagerOptions, RefOption>({
  name: 'aws-secrets-manager',
  options: awsSecretsManagerOptions,
  refOptions: ['secretId', 'versionStage', 'versionId'],
  async createProvider(connection, context) {
    const sdk = await loadAwsSdk(connection.assumeRole !== undefined);
    const http = context.createHttpClient({ timeouts: { totalMs: context.timeoutMs } });
    const handler = createRequestHandler(http, connection.allowSecretsOverPlainHttp);
    const session = createSession(sdk, connection, context, handler);
    /** ARNs by `secretId`, from the last read of each. */
    const arns = new Map<string, string>();
    const replace = createReplacer({ sdk, session, arns, clock: context.clock, random: context.random });
    const annotate = createAnnotator(sdk, session);

    async function bounded<T>(
      ref: AwsSecretRef,
      signal: AbortSignal | undefined,
      work: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> {
      try {
        // The look-up of credentials takes no signal, and has its own idea of how long to wait.
        return await withDeadline(context.clock, context.timeoutMs, signal, work);
      } catch (error) {
        if (signal?.aborted || !(error instanceof DeadlineExceeded)) throw error;
        throw translateAwsError(error, { place: session.describe(ref) });
      }
    }

    async function read(ref: AwsSecretRef, signal: AbortSignal): Promise<SecretVersion> {
      const command = new sdk.secretsManager.GetSecretValueCommand(toInput(ref));
      const { output, serverTime } = await session.call(ref, command, signal);
      if (output.ARN !== undefined) arns.set(ref.secretId, output.ARN);
      return toVersion(output, ref, session.describe(ref), serverTime);
    }

    return {
      name: 'aws-secrets-manager',
      claimSpreadMs: 2000,
      writeIntervalMs: WRITE_INTERVAL_MS,
      describe: session.describe,
      readSecret: (ref, { signal } = {}) => bounded(ref, signal, (within) => read(ref, within)),
      readOtherVersions: (ref, { signal } = {}) =>
        bounded(ref, signal, (within) => readStages(ref, (other) => read(other, within))),
      replaceSecret: (ref, value, expected, { signal, create = true } = {}) =>
        bounded(ref, signal, (within) => replace(ref, value, expected, create, within)),
      annotateSecret: (ref, metadata, { signal } = {}) =>
        bounded(ref, signal, (within) => annotate(ref, metadata, within)),
      async close() {
        session.close();
        await http.close();
      },
    };
  },
});
