import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/config/load.js';
import { tempFolder } from './support.js';

async function secretVariables(config: unknown, env: Record<string, string> = {}) {
  const cwd = await tempFolder();
  return (await loadProfile({ config, env, cwd })).secretVariables;
}

const vault = (auth: object) => ({ provider: 'vault', address: '${ADDRESS}', path: 'a', auth });

describe('the variables that hold secrets', () => {
  it('are those that options which are secrets refer to, in every link, and no others', async () => {
    const config = {
      credentials: {
        provider: 'chain',
        providers: [
          vault({ method: 'approle', roleId: '${ROLE_ID}', secretId: '${SECRET_ID}' }),
          vault({ method: 'token', token: '${LOGIN_A}${LOGIN_B}' }),
        ],
      },
      tokenStore: { ...vault({ method: 'token', token: '${LOGIN_C}' }), path: 'b' },
    };
    const env = {
      ADDRESS: 'https://v.example',
      ROLE_ID: 'r',
      SECRET_ID: 's',
      LOGIN_A: 'a',
      LOGIN_B: 'b',
      LOGIN_C: 'c',
    };
    const names = await secretVariables(config, env);
    expect(names).toEqual(expect.arrayContaining(['SECRET_ID', 'LOGIN_A', 'LOGIN_B', 'LOGIN_C']));
    expect(names.filter((name) => ['ADDRESS', 'ROLE_ID'].includes(name))).toEqual([]);
  });

  it('are none in a list that is no secret, and none that another provider is told of', async () => {
    const credentials = { provider: 'chain', providers: [{ provider: 'env' }, { provider: 'vault', path: 'a' }] };
    const other = {
      credentials: { provider: 'chain', providers: [null, { provider: 'vault', clientSecret: 'NO_NAME' }] },
    };
    const config = { defaultProfile: 'a', profiles: { a: { ims: { scope: ['${SCOPE}'] }, credentials }, b: other } };
    const names = await secretVariables(config, { SCOPE: 'openid' });
    expect(names.filter((name) => ['SCOPE', 'NO_NAME'].includes(name))).toEqual([]);
  });

  it('are those that the provider env is told of', async () => {
    const names = await secretVariables({ credentials: { provider: 'env', clientSecret: 'MINE', clientId: 'ID' } });
    expect(names).toContain('MINE');
    expect(names).not.toContain('ID');
  });

  it('are those of the other profiles too', async () => {
    const auth = { method: 'approle', roleId: 'r', secretId: '${LOGIN}' };
    const names = await secretVariables({
      defaultProfile: 'dev',
      profiles: {
        dev: { credentials: { provider: 'env', clientSecret: 'DEV' } },
        prod: { credentials: { provider: 'env', clientSecret: 'PROD' } },
        onPrem: { credentials: { provider: 'vault', path: 'a', auth } },
        wrong: null,
      },
    });
    expect(names).toEqual(expect.arrayContaining(['DEV', 'PROD', 'LOGIN']));
  });

  it('are IMSVAULT_… variables of secret options, in use or not', async () => {
    const env = {
      IMSVAULT_CREDENTIALS_AUTH_TOKEN: 't',
      IMSVAULT_CREDENTIALS_PROVIDERS_12_AUTH_SECRET_ID: 's',
      IMSVAULT_CREDENTIALS_ADDRESS: 'https://v.example',
      IMSVAULT_PROFILE: '',
    };
    const names = await secretVariables({ credentials: { provider: 'env' } }, env);
    expect(names.filter((name) => name.startsWith('IMSVAULT_'))).toEqual(Object.keys(env).slice(0, 2));
  });

  it('are those that the built-in providers and their SDKs read by themselves', async () => {
    const names = await secretVariables({});
    expect(names).toEqual(expect.arrayContaining(['FUSION_CLIENT_SECRET', 'VAULT_TOKEN', 'AWS_SECRET_ACCESS_KEY']));
  });
});
