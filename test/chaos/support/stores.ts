import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import type { Clock } from '../../../src/clock.js';
import { startMoto } from '../../live/servers/moto.js';
import { startOpenBao } from '../../live/servers/openbao.js';
import { writeSecret } from '../../live/servers/vault-fixture.js';
import { awsEnvironment } from '../../support/aws/environment.js';
import { startAzure } from '../../support/azure/stand-in.js';
import type { Side } from './faults.js';

export type StoreName = Exclude<Side, 'ims'>;
export const STORES: readonly StoreName[] = ['vault', 'aws-secrets-manager', 'azure-key-vault'];

/** A running store, as a chaos test needs it. */
export interface ChaosStore {
  /** Origin. */
  readonly url: string;
  /** What a worker has in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The block of a config for the secret `name`, by way of `url`. */
  block(url: string, name: string): object;
  put(name: string, value: object): Promise<void>;
  close(): Promise<void>;
}

/** Else the first use of an SDK would load it, which takes longer than the bounds here. */
export const loadSdks = () =>
  Promise.all([
    import('node-vault'),
    import('@aws-sdk/client-secrets-manager'),
    import('@azure/identity'),
    import('@azure/keyvault-secrets'),
  ]);

export const newName = () => `chaos-${randomBytes(6).toString('hex')}`;

/** The clock is the stand-in's; real servers have their own. */
export const START: Record<StoreName, (clock?: Clock) => Promise<ChaosStore>> = {
  async vault() {
    const bao = await startOpenBao();
    return {
      url: bao.address,
      env: { VAULT_TOKEN: bao.adminToken },
      block: (address, path) => ({ provider: 'vault', address, path }),
      put: (name, value) => writeSecret(bao, `secret/data/${name}`, { data: value }),
      close: () => bao.close(),
    };
  },

  /** Once a process: the SDK finds its keys in the environment of the process. */
  async 'aws-secrets-manager'() {
    const moto = await startMoto();
    const keys = await moto.createUser('chaos', ['secretsmanager:*']);
    return {
      url: moto.endpoint,
      env: awsEnvironment({ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey }),
      block: (endpoint, secretId) => ({ provider: 'aws-secrets-manager', endpoint, secretId, region: 'eu-west-1' }),
      put: (name, value) => moto.putSecret(name, JSON.stringify(value)),
      close: () => moto.close(),
    };
  },

  async 'azure-key-vault'(clock) {
    const azure = await startAzure(clock);
    const { clientSecret, ...login } = azure.createApplication('get', 'set', 'list', 'update');
    const caFile = await azure.file('all.pem', `${azure.ca}\n${readFileSync(inject('trust').caFile, 'utf8')}`);
    const clientSecretFile = await azure.file('client-secret', clientSecret);
    const auth = { method: 'client-secret', ...login, authorityHost: azure.entra.url, clientSecretFile };
    return {
      url: azure.vault.url,
      env: {},
      block: (vaultUrl, secretName) => ({
        provider: 'azure-key-vault',
        ...azure.trust,
        vaultUrl,
        caFile,
        secretName,
        auth,
      }),
      put: async (name, value) => void azure.vault.store.add(name, JSON.stringify(value), {}),
      close: () => azure.close(),
    };
  },
};
