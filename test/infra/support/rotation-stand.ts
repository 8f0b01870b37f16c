import { randomUUID } from 'node:crypto';
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createSecretVersions, type SecretVersions } from '../../../infra/lambda/rotation/secret-versions.js';
import { createRotationSteps, type StepName } from '../../../infra/lambda/rotation/steps.js';
import { systemClock } from '../../../src/clock.js';
import { rotationOptions } from '../../../src/config/rotation-schema.js';
import { createExchanger } from '../../../src/ims/exchange.js';
import { createHttpClient } from '../../../src/net/http-client.js';
import { redact, reveal } from '../../../src/redacted.js';
import { createRotationPayload } from '../../../src/rotate/rotation-payload.js';
import { createSecretsApi, type SecretsApi } from '../../../src/rotate/secrets-api.js';
import { parseCredential } from '../../../src/secret/credential.js';
import { createImsEmulator } from '../../../src/testing/index.js';
import type { Keys } from '../../live/servers/moto.js';
import { createManualClock } from '../../support/manual-clock.js';

export const CLIENT_ID = 'emulator-client-id';
export const FIRST = 'emulator-client-secret';
export const STEPS: readonly StepName[] = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];

/** The function's process came to its end. */
export class Killed extends Error {}

/** Told of each call to the store and to Adobe's API, before and after it; may throw {@link Killed}. */
export type At = (point: string) => void;

/** One secret on moto, its client at an emulator of Adobe's with a clock of its own, and calls of the four steps. */
export async function createRotationWorld(endpoint: string, { accessKeyId, secretAccessKey }: Keys) {
  const clock = createManualClock();
  const ims = await createImsEmulator({ clock }).start();
  const http = createHttpClient(systemClock, {});
  const client = new SecretsManagerClient({
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId, secretAccessKey },
  });
  const created = await client.send(
    new CreateSecretCommand({
      Name: `rotated/${randomUUID()}`,
      SecretString: JSON.stringify({ client_id: CLIENT_ID, client_secret: FIRST, note: 'kept' }),
    }),
  );
  const arn = created.ARN ?? '';
  const reports: string[] = [];
  const common = {
    tokenEndpoint: ims.tokenEndpoint,
    http,
    clock,
    random: () => 0,
    timeoutMs: 10_000,
    warn: () => undefined,
  };
  const exchanger = createExchanger(common);
  const rotation = rotationOptions.parse({ orgId: '1000001', credentialId: '2000002', endpoint: ims.url });
  const management = createExchanger({ ...common, scope: rotation.scope });
  const plain = createSecretVersions(client, arn);

  const world = {
    arn,
    client,
    clock,
    ims,
    reports,
    /** As Secrets Manager calls it, in a process of its own. */
    async step(name: StepName, token: string, at: At = () => undefined): Promise<void> {
      const versions = watched(plain, at, ['put', 'makeCurrent']) as SecretVersions;
      const api = createSecretsApi({
        ...rotation,
        http,
        clock,
        random: () => 0,
        token: async (signal) =>
          (await management.exchange(parseCredential((await plain.current()).value, arn), signal)).token,
      });
      const { signal } = new AbortController();
      const take = createRotationSteps({
        secretArn: arn,
        versions,
        payload: createRotationPayload(arn, undefined),
        api: watched(api, at, ['add', 'remove']) as SecretsApi,
        exchange: (credential, within) => exchanger.exchange(credential, within),
        clock,
        random: () => 0,
        report: (line) => reports.push(line),
        signal,
      });
      await take(name, token);
    },
    async rotate(token: string, at?: At): Promise<void> {
      for (const name of STEPS) await world.step(name, token, at);
    },
    /** A version's document. */
    async document(VersionStage: string): Promise<Record<string, unknown>> {
      const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId: arn, VersionStage }));
      return JSON.parse(SecretString) as Record<string, unknown>;
    },
    /** Whether Adobe knows the client secret that the store gives out now. */
    async isUsable(stage = 'AWSCURRENT'): Promise<boolean> {
      const { clientSecrets } = parseCredential(redact(JSON.stringify(await world.document(stage))), arn);
      return world.atAdobe().includes(reveal(clientSecrets[0]));
    },
    atAdobe: () => ims.clientSecrets(CLIENT_ID).map(({ clientSecret }) => clientSecret),
    async close() {
      client.destroy();
      await http.close();
      await ims.stop();
    },
  };
  return world;
}

function watched(target: object, at: At, names: readonly string[]): object {
  const wrapped = names.map((name) => [
    name,
    async (...args: unknown[]) => {
      at(`before ${name}`);
      const result: unknown = await (target as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args);
      at(`after ${name}`);
      return result;
    },
  ]);
  return { ...target, ...Object.fromEntries(wrapped) };
}
