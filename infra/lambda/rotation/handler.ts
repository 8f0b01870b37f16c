import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { AccessToken } from '../../../src/access-token.js';
import { systemClock } from '../../../src/clock.js';
import { rotationOptions } from '../../../src/config/rotation-schema.js';
import { endpointProblem } from '../../../src/config/schema.js';
import { withDeadline } from '../../../src/deadline.js';
import { ConfigInvalidError } from '../../../src/errors.js';
import { createExchanger } from '../../../src/ims/exchange.js';
import { DEFAULT_TOKEN_ENDPOINT } from '../../../src/ims/token-request.js';
import { createHttpClient } from '../../../src/net/http-client.js';
import { proxySettingsFromEnv } from '../../../src/net/proxy-settings.js';
import { createRotationPayload } from '../../../src/rotate/rotation-payload.js';
import { createSecretsApi } from '../../../src/rotate/secrets-api.js';
import { createSecretVersions } from './secret-versions.js';
import { createRotationSteps, type StepName } from './steps.js';

/** What Secrets Manager sends. */
export interface RotationEvent {
  Step: string;
  SecretId: string;
  ClientRequestToken: string;
}

/** Kept back from the function's time for a client secret to be made and stored. */
const RESERVE_MS = 45_000;
const EXCHANGE_TIMEOUT_MS = 20_000;

const isStep = (name: string): name is StepName =>
  ['createSecret', 'setSecret', 'testSecret', 'finishSecret'].includes(name);

/** The function of AWS Lambda. Its environment is described in infra/lambda/README.md. */
export async function handler(
  { Step: step, SecretId: secretArn, ClientRequestToken: token }: RotationEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<void> {
  const settings = readSettings(process.env);
  if (!isStep(step) || secretArn !== settings.secretArn || !/^[\w-]{32,64}$/.test(token)) {
    throw new ConfigInvalidError([
      { path: '', message: `this function takes the four steps of a rotation of ${settings.secretArn}` },
    ]);
  }
  const log = (message: string) => console.log(JSON.stringify({ step, token, message }));
  const client = new SecretsManagerClient({});
  const http = createHttpClient(systemClock, proxySettingsFromEnv(process.env));
  try {
    await withDeadline(
      systemClock,
      Math.max(1, context.getRemainingTimeInMillis() - RESERVE_MS),
      undefined,
      async (signal) => {
        const { rotation, tokenEndpoint } = settings;
        const versions = createSecretVersions(client, secretArn);
        const payload = createRotationPayload(secretArn, undefined);
        const common = {
          tokenEndpoint,
          http,
          clock: systemClock,
          random: Math.random,
          timeoutMs: EXCHANGE_TIMEOUT_MS,
          warn: log,
        };
        const exchanger = createExchanger(common);
        const management = createExchanger({ ...common, scope: rotation.scope });
        let apiToken: AccessToken | undefined;
        const takeStep = createRotationSteps({
          secretArn,
          versions,
          payload,
          api: createSecretsApi({
            ...rotation,
            http,
            clock: systemClock,
            random: Math.random,
            async token(within) {
              apiToken ??= (await management.exchange(payload.credentialOf((await versions.current()).value), within))
                .token;
              return apiToken;
            },
          }),
          exchange: (credential, within) => exchanger.exchange(credential, within),
          clock: systemClock,
          random: Math.random,
          report: log,
          signal,
        });
        await takeStep(step, token);
      },
    );
  } finally {
    client.destroy();
    await http.close();
  }
}

function readSettings(env: Readonly<Record<string, string | undefined>>) {
  const PREFIX = 'IMSVAULT_ROTATION_';
  const read = (name: string) => env[`${PREFIX}${name}`] || undefined;
  const parsed = rotationOptions.safeParse({
    orgId: read('ORG_ID') ?? '',
    credentialId: read('CREDENTIAL_ID') ?? '',
    endpoint: read('API_ENDPOINT'),
  });
  const secretArn = read('SECRET_ARN');
  const tokenEndpoint = read('TOKEN_ENDPOINT') ?? DEFAULT_TOKEN_ENDPOINT;
  const wrong = endpointProblem(tokenEndpoint, false);
  if (parsed.success && secretArn !== undefined && wrong === undefined) {
    return { secretArn, rotation: parsed.data, tokenEndpoint };
  }
  const problems = (parsed.error?.issues ?? []).map(({ path, message }) => ({
    path: `${PREFIX}${{ orgId: 'ORG_ID', credentialId: 'CREDENTIAL_ID' }[String(path[0])] ?? 'API_ENDPOINT'}`,
    message,
  }));
  if (wrong !== undefined) problems.push({ path: `${PREFIX}TOKEN_ENDPOINT`, message: wrong });
  if (secretArn === undefined) problems.push({ path: `${PREFIX}SECRET_ARN`, message: 'is needed' });
  throw new ConfigInvalidError(problems);
}
