import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import aws from '../../../providers/aws-secrets-manager/index.js';
import { awsSecretsManagerOptions } from '../../../providers/aws-secrets-manager/options.js';
import { systemClock } from '../../../src/clock.js';
import { createHttpClient } from '../../../src/net/http-client.js';
import type { SecretVersion } from '../../../src/secret/provider.js';
import { awsEnvironment } from '../../support/aws/environment.js';
import { testContext } from '../../support/provider-context.js';
import { type Keys, type Moto, startMoto } from './moto.js';

/** The value of `ims/fusion` on the moto of {@link useAwsLogins}. */
export const SECRET = '{"client_id":"roles","client_secret":"p8e-marked"}';
/** All that a reader must be allowed. */
export const READ = ['secretsmanager:GetSecretValue'];

export interface AwsLogins {
  readonly moto: Moto;
  /** `host:port` of moto. */
  readonly host: string;
  /** A role that may read. */
  readonly roleArn: string;
  /** A session of that role, as AWS hands it to a machine. */
  readonly session: Keys;
  /** Hosts that the provider's own HTTP client went to, since the last `open`. */
  readonly visited: readonly string[];
  /** Sets the process's environment to moto's addresses, `variables`, and no other login. */
  environment(variables?: Record<string, string>): Record<string, string>;
  /** A provider; its reads are of `ims/fusion` unless `options` name another secret. */
  open(env: Record<string, string>, options?: object): Promise<() => Promise<SecretVersion>>;
  read(env: Record<string, string>, options?: object): Promise<SecretVersion>;
  /** What moto was asked, in order, in this test. */
  actions(): string[];
  /** The id of the key that signed the one read of a secret. moto has checked the signature. */
  reader(): string | undefined;
  /** Closed after the test. */
  closeLater<T extends { close(): Promise<unknown> }>(server: T): T;
}

/** Starts moto for the tests of a file and takes away each test's environment and servers after it. */
export function useAwsLogins(): AwsLogins {
  let started: { moto: Moto; roleArn: string; session: Keys } | undefined;
  const state = () => {
    if (started === undefined) throw new Error('moto has not been started');
    return started;
  };
  const closers: (() => Promise<unknown>)[] = [];
  const visited: string[] = [];

  beforeAll(async () => {
    const moto = await startMoto();
    await moto.putSecret('ims/fusion', SECRET);
    const roleArn = await moto.createRole('reader', READ);
    started = { moto, roleArn, session: await moto.assumeRole(roleArn) };
  });
  afterAll(() => started?.moto.close());
  beforeEach(() => {
    state().moto.requests.length = 0;
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    vi.unstubAllEnvs();
  });

  const logins: AwsLogins = {
    get moto() {
      return state().moto;
    },
    get host() {
      return `127.0.0.1:${state().moto.port}`;
    },
    get roleArn() {
      return state().roleArn;
    },
    get session() {
      return state().session;
    },
    visited,
    environment: (variables = {}) =>
      awsEnvironment({
        AWS_REGION: 'eu-west-1',
        AWS_ENDPOINT_URL_SECRETS_MANAGER: state().moto.endpoint,
        AWS_ENDPOINT_URL_STS: state().moto.endpoint,
        ...variables,
      }),
    async open(env, options = {}) {
      visited.length = 0;
      const { secretId, versionId, versionStage, ...connection } = awsSecretsManagerOptions.parse({
        secretId: 'ims/fusion',
        ...options,
      });
      const context = testContext({
        env,
        timeoutMs: 15_000,
        createHttpClient(httpOptions) {
          const http = createHttpClient(systemClock, {}, httpOptions);
          return {
            ...http,
            request(wanted) {
              visited.push(new URL(wanted.url).host);
              return http.request(wanted);
            },
          };
        },
      });
      const provider = await aws.createProvider(connection, context);
      closers.push(async () => provider.close?.());
      return () => provider.readSecret({ secretId, versionId, versionStage });
    },
    read: async (env, options) => (await logins.open(env, options))(),
    actions: () => state().moto.requests.map((request) => request.action),
    reader() {
      const reads = state().moto.requests.filter((request) => request.action === 'GetSecretValue');
      expect(reads).toHaveLength(1);
      return reads[0]?.accessKeyId;
    },
    closeLater(server) {
      closers.push(() => server.close());
      return server;
    },
  };
  return logins;
}

/** Writes a file of a test's own home folder. */
export function writeHomeFile(path: string | undefined, text: string): void {
  if (path === undefined) throw new Error('the environment does not name the file');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
