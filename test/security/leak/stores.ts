import { createPrivateKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMoto } from '../../live/servers/moto.js';
import { startOpenBao } from '../../live/servers/openbao.js';
import { appRole, newToken, writeSecret } from '../../live/servers/vault-fixture.js';
import { createClientCertificate } from '../../support/azure/certificates.js';
import { blockOf } from '../../support/azure/harness.js';
import { startAzure } from '../../support/azure/stand-in.js';
import { type Evidence, newMarker, newPlainMarker } from './scan.js';

export interface Setting {
  /** The `credentials` block. */
  block: Record<string, unknown>;
  env: Record<string, string>;
}

/** A store with a credential in it, and ways in which reading fails while secrets are in hand. */
export interface LeakStore {
  name: string;
  works: Setting;
  fails: Readonly<Record<string, Setting>>;
  /** What is not right before a failure is tried, and after it is again. */
  during?: Readonly<Record<string, () => () => void>>;
  /** What the store holds now. @param path default: the credential */
  read?(path?: string): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface LeakCredential {
  clientId: string;
  clientSecret: string;
}

const odd = ({ clientSecret }: LeakCredential) =>
  JSON.stringify({ client_id: 7, client_secret: clientSecret, [clientSecret]: 1 });
const payload = ({ clientId, clientSecret }: LeakCredential) => ({ client_id: clientId, client_secret: clientSecret });

/**
 * Each kind of store with `credential` in it, under its name.
 * @param plain a second one for `env, plain`
 */
export async function startStores(
  evidence: Evidence,
  folder: string,
  credential: LeakCredential,
  plain: LeakCredential,
): Promise<LeakStore[]> {
  return [
    envStore(credential),
    envStore(plain, 'env, plain'),
    fileStore(folder, credential),
    ...(await Promise.all([
      vaultStore(evidence, folder, credential),
      awsStore(evidence, folder, credential),
      azureStore(evidence, credential),
    ])),
  ];
}

function envStore({ clientId, clientSecret }: LeakCredential, name = 'env'): LeakStore {
  const block = { provider: 'env' };
  return {
    name,
    works: { block, env: { FUSION_CLIENT_ID: clientId, FUSION_CLIENT_SECRET: clientSecret } },
    fails: {
      'no client id': { block, env: { FUSION_CLIENT_SECRET: clientSecret } },
      'the secret in the wrong variable': {
        block,
        env: { FUSION_CLIENT_ID: `${clientSecret}\u0007`, FUSION_CLIENT_SECRET: 'x' },
      },
    },
    close: async () => undefined,
  };
}

function fileStore(folder: string, credential: LeakCredential): LeakStore {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return { block: { provider: 'file', path: join(folder, name) }, env: {} };
  };
  return {
    name: 'file',
    works: file('credential.json', JSON.stringify(payload(credential))),
    fails: {
      'no JSON': file('no-json.json', credential.clientSecret),
      'odd JSON': file('odd.json', odd(credential)),
      'cut off': file('cut.json', JSON.stringify(payload(credential)).slice(0, -3)),
    },
    close: async () => undefined,
  };
}

async function vaultStore(evidence: Evidence, folder: string, credential: LeakCredential): Promise<LeakStore> {
  const bao = await startOpenBao();
  await writeSecret(bao, 'secret/data/ims/fusion', { data: payload(credential) });
  await writeSecret(bao, 'secret/data/ims/odd', { data: JSON.parse(odd(credential)) });
  const policy =
    'path "secret/data/ims/*" { capabilities = ["create", "read", "update"] }\npath "secret/metadata/ims/*" { capabilities = ["read", "update"] }';
  await bao.api('sys/policies/acl/ims', { policy });
  const { roleId, secretId } = await appRole(bao, 'ims');
  const token = await newToken(bao, { policies: ['ims'] });
  const [wrongToken, wrongSecretId] = [newMarker('vaulttoken'), newMarker('secretid')];
  evidence.hide('secret-id', secretId, wrongSecretId);
  evidence.hide('vault token', token, wrongToken);
  writeFileSync(join(folder, 'secret-id'), secretId, { mode: 0o600 });
  writeFileSync(join(folder, 'wrong-secret-id'), wrongSecretId, { mode: 0o600 });
  const block = {
    provider: 'vault',
    address: bao.address,
    path: 'ims/fusion',
    auth: { method: 'approle', roleId, secretIdFile: join(folder, 'secret-id') },
  };
  const withToken = { ...block, auth: { method: 'token', token: '${MY_VAULT_TOKEN}' } };
  return {
    name: 'vault',
    works: { block, env: {} },
    fails: {
      'a wrong secret-id': {
        block: { ...block, auth: { ...block.auth, secretIdFile: join(folder, 'wrong-secret-id') } },
        env: {},
      },
      'a wrong token': { block: withToken, env: { MY_VAULT_TOKEN: wrongToken.replace(/[^\x21-\x7e]/g, '') } },
      denied: { block: { ...withToken, path: 'others/secret' }, env: { MY_VAULT_TOKEN: token } },
      'nothing there': { block: { ...withToken, path: 'ims/nothing' }, env: { MY_VAULT_TOKEN: token } },
      'an odd secret': { block: { ...withToken, path: 'ims/odd' }, env: { MY_VAULT_TOKEN: token } },
    },
    read: (path = 'ims/fusion') => bao.api(`secret/data/${path}`),
    close: () => bao.close(),
  };
}

async function awsStore(evidence: Evidence, folder: string, credential: LeakCredential): Promise<LeakStore> {
  const moto = await startMoto();
  await moto.putSecret('ims/fusion', JSON.stringify(payload(credential)));
  await moto.putSecret('ims/odd', odd(credential));
  const actions = ['GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage', 'DescribeSecret'];
  const role = await moto.createRole(
    'reader',
    actions.map((action) => `secretsmanager:${action}`),
  );
  const keys = await moto.assumeRole(role);
  const denied = await moto.createUser('nobody', ['secretsmanager:ListSecrets']);
  const [wrongKey, wrongSession] = [newPlainMarker('awskey'), newPlainMarker('awssession')];
  evidence.hide('AWS secret key', keys.secretAccessKey, denied.secretAccessKey, wrongKey);
  evidence.hide('AWS session token', keys.sessionToken ?? '', wrongSession);
  const block = {
    provider: 'aws-secrets-manager',
    secretId: 'ims/fusion',
    region: 'eu-west-1',
    endpoint: moto.endpoint,
  };
  const bare = {
    HOME: folder,
    AWS_CONFIG_FILE: join(folder, 'no-aws-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-aws-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const env = (id: string, secret: string, session?: string) => ({
    ...bare,
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    ...(session === undefined ? {} : { AWS_SESSION_TOKEN: session }),
  });
  const right = env(keys.accessKeyId, keys.secretAccessKey, keys.sessionToken);
  return {
    name: 'aws-secrets-manager',
    works: { block, env: right },
    fails: {
      'a wrong key': { block, env: env(keys.accessKeyId, wrongKey, keys.sessionToken) },
      'a wrong session': { block, env: env(keys.accessKeyId, keys.secretAccessKey, wrongSession) },
      denied: { block, env: env(denied.accessKeyId, denied.secretAccessKey) },
      'nothing there': { block: { ...block, secretId: 'ims/nothing' }, env: right },
      'an odd secret': { block: { ...block, secretId: 'ims/odd' }, env: right },
    },
    close: () => moto.close(),
  };
}

async function azureStore(evidence: Evidence, credential: LeakCredential): Promise<LeakStore> {
  const azure = await startAzure();
  azure.vault.store.add('ims-fusion', JSON.stringify(payload(credential)), {});
  azure.vault.store.add('ims-odd', odd(credential), {});
  const login = azure.createApplication('get', 'list', 'set');
  const wrong = newMarker('azuresecret').replace(/[^\x21-\x7e]/g, '');
  evidence.hide('Azure client secret', login.clientSecret, wrong, azure.reader.clientSecret);
  const setting = (secretName: string, clientSecret: string): Setting => {
    const { auth, ...rest } = blockOf(azure, login, secretName);
    return {
      block: { provider: 'azure-key-vault', ...rest, auth: { ...auth, clientSecret: '${MY_AZURE_SECRET}' } },
      env: { MY_AZURE_SECRET: clientSecret },
    };
  };
  const { certificate, key } = await createClientCertificate('nobody');
  const password = newPlainMarker('keypassword');
  const encrypted = createPrivateKey(key).export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: password,
  });
  const ofKey = key.split('\n').filter((line) => line.length > 40 && !line.startsWith('-'));
  evidence.hide('private key', ...ofKey);
  evidence.hide('password of the key', password, `${password}wrong`);
  const byCertificate = async (name: string, pem: string, passphrase?: string): Promise<Setting> => {
    const { auth, ...rest } = blockOf(azure, login, 'ims-fusion');
    const { clientSecret: _secret, ...who } = auth;
    const certificateFile = await azure.file(name, `${certificate}\n${pem}`);
    const secret = passphrase === undefined ? {} : { certificatePassword: '${MY_KEY_PASSWORD}' };
    return {
      block: {
        provider: 'azure-key-vault',
        ...rest,
        auth: { ...who, method: 'client-certificate', certificateFile, ...secret },
      },
      env: passphrase === undefined ? {} : { MY_KEY_PASSWORD: passphrase },
    };
  };
  const echoes = (server: { fault(fault: unknown): void }, status: number) => () => {
    server.fault(({ headers, body, method }: { headers: object; body: string; method: string }) => {
      if (method === 'GET' && !('authorization' in headers)) return undefined;
      const echo = `${JSON.stringify(headers)} ${body}`;
      return {
        status,
        headers: { 'x-ms-request-id': newPlainMarker('id') },
        json: {
          error: status === 403 ? { code: 'Forbidden', message: echo, innererror: { code: echo } } : 'invalid_client',
          error_description: `AADSTS7000215: ${echo}`,
        },
      };
    });
    return () => server.fault('none');
  };
  return {
    name: 'azure-key-vault',
    works: setting('ims-fusion', login.clientSecret),
    fails: {
      'a wrong secret': setting('ims-fusion', wrong),
      'a certificate that nobody knows': await byCertificate('unknown.pem', key),
      'a key with its password': await byCertificate('encrypted.pem', String(encrypted), password),
      'a key with a wrong password': await byCertificate('locked.pem', String(encrypted), `${password}wrong`),
      'nothing there': setting('ims-nothing', login.clientSecret),
      'an odd secret': setting('ims-odd', login.clientSecret),
      'a login that repeats the request': setting('ims-fusion', login.clientSecret),
      'a vault that repeats the request': setting('ims-fusion', login.clientSecret),
    },
    during: {
      'a login that repeats the request': echoes(azure.entra as never, 401),
      'a vault that repeats the request': echoes(azure.vault as never, 403),
    },
    close: async () => {
      evidence.hide('Azure access token', ...azure.issuer.issued);
      await azure.close();
    },
  };
}
