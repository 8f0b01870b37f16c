import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { vi } from 'vitest';
import aws from '../../providers/aws-secrets-manager/index.js';
import { type ProviderHarness, providerConformance, type StoreFault } from '../conformance/provider-suite.js';
import { awsEnvironment } from '../support/aws/environment.js';
import { testContext } from '../support/provider-context.js';
import { type FaultProxy, startFaultProxy } from './servers/fault-proxy.js';
import { startMoto } from './servers/moto.js';

type Harness = ProviderHarness<{ secretId: string }>;

const { IMSVAULT_TEST_AWS_ENDPOINT: endpoint, IMSVAULT_TEST_AWS_REGION: region } = process.env;
const PROXY_MODE = { none: 'pass', denied: 'pass', down: 'reset', hang: 'hang' } as const;

async function onMoto(): Promise<Harness> {
  const moto = await startMoto();
  const proxy = await startFaultProxy({ port: moto.port });
  const keys = await moto.createUser('reader', ['secretsmanager:GetSecretValue']);
  const env = awsEnvironment({ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey });
  const provider = await aws.createProvider(
    { endpoint: `http://127.0.0.1:${proxy.port}`, region: 'eu-west-1', allowSecretsOverPlainHttp: false },
    testContext({ env }),
  );
  return {
    provider,
    ref: { secretId: 'ims/fusion' },
    missingRef: { secretId: 'ims/missing' },
    write: (value) => moto.putSecret('ims/fusion', value),
    async fault(kind: StoreFault) {
      await moto.allowUser('reader', [
        kind === 'denied' ? 'secretsmanager:DescribeSecret' : 'secretsmanager:GetSecretValue',
      ]);
      proxy.setMode(PROXY_MODE[kind]);
    },
    secrets: [keys.secretAccessKey],
    async close() {
      await provider.close?.();
      await proxy.close();
      await moto.close();
      vi.unstubAllEnvs();
    },
  };
}

/** AWS itself or another emulator, with whatever credentials the SDK finds; they must be allowed to write. */
async function onNamedServer(): Promise<Harness> {
  const url = endpoint === undefined ? undefined : new URL(endpoint);
  const proxy: FaultProxy | undefined =
    url?.protocol === 'http:' ? await startFaultProxy({ host: url.hostname, port: Number(url.port || 80) }) : undefined;
  const provider = await aws.createProvider(
    {
      allowSecretsOverPlainHttp: false,
      ...(region === undefined ? {} : { region }),
      ...(proxy ? { endpoint: `http://127.0.0.1:${proxy.port}` } : endpoint === undefined ? {} : { endpoint }),
    },
    testContext({ env: process.env }),
  );
  const admin = new SecretsManagerClient({ ...(region ? { region } : {}), ...(endpoint ? { endpoint } : {}) });
  const SecretId = `imsvault-test/${randomUUID()}`;
  return {
    provider,
    ref: { secretId: SecretId },
    missingRef: { secretId: `imsvault-test/missing-${randomUUID()}` },
    async write(SecretString) {
      await admin.send(new PutSecretValueCommand({ SecretId, SecretString })).catch((error: unknown) => {
        if (!(error instanceof ResourceNotFoundException)) throw error;
        return admin.send(new CreateSecretCommand({ Name: SecretId, SecretString }));
      });
    },
    async fault(kind) {
      proxy?.setMode(PROXY_MODE[kind]);
    },
    secrets: [process.env.AWS_SECRET_ACCESS_KEY ?? ''].filter((secret) => secret !== ''),
    async close() {
      await admin.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true })).catch(() => undefined);
      admin.destroy();
      await provider.close?.();
      await proxy?.close();
    },
  };
}

const named = endpoint !== undefined || region !== undefined;
const overTls = 'the connection is TLS to a server that is not ours to disturb';
providerConformance({
  name: `aws-secrets-manager on ${named ? (endpoint ?? `AWS ${region}`) : 'moto'}`,
  maxValueBytes: 64 * 1024,
  ...(named
    ? {
        skip: {
          denied: 'the permissions of this account are not ours to change',
          ...(endpoint?.startsWith('http:') ? {} : { down: overTls, hang: overTls }),
        },
      }
    : {}),
  create: named ? onNamedServer : onMoto,
});
