import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/config/load.js';
import { loadConfig } from '../../src/config/load-config.js';
import { expectNoSecrets } from '../support/leaks.js';
import { failure, loadNamed, tempFolder, write } from './support.js';

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

describe('an option that is no secret', () => {
  const secret = 'p8e-Marked-Secret';
  const env = {
    FUSION_CLIENT_SECRET: secret,
    VAULT_TOKEN: secret,
    MINE: secret,
    IMSVAULT_CREDENTIALS_AUTH_TOKEN: secret,
  };
  const reason =
    'which holds a secret: this option is shown in messages. Write the value, or use a variable that holds no secret';

  it.each([
    [
      'ims.tokenEndpoint',
      'FUSION_CLIENT_SECRET',
      'ims: { tokenEndpoint: "http://127.0.0.1:1/${FUSION_CLIENT_SECRET}" }',
    ],
    ['ims.orgId', 'FUSION_CLIENT_SECRET', 'ims: { orgId: "${FUSION_CLIENT_SECRET:-none}" }'],
    ['ims.scope.1', 'VAULT_TOKEN', 'ims: { scope: [openid, "a${VAULT_TOKEN}"] }'],
    ['ims.orgId', 'MINE', 'ims: { orgId: "${MINE}" }\ncredentials: { provider: env, clientSecret: MINE }'],
    [
      'credentials.path',
      'VAULT_TOKEN',
      'credentials: { provider: vault, address: "https://v.example", path: "${VAULT_TOKEN}" }',
    ],
    ['ims.orgId', 'IMSVAULT_CREDENTIALS_AUTH_TOKEN', 'ims: { orgId: "${IMSVAULT_CREDENTIALS_AUTH_TOKEN}" }'],
  ])('%s may not refer to a secret in %s', async (path, name, text) => {
    const error = await failure(loadNamed(text, { env }));
    expect(error.problems).toContainEqual({
      path,
      message: `must not refer to ${name}, ${reason}`,
      source: expect.stringMatching(/^imsvault\.config\.yaml:\d$/),
    });
    expectNoSecrets(error, [secret]);
  });

  it('of a third party may: nobody knows whether it is one', async () => {
    const cwd = await tempFolder();
    await write(
      cwd,
      'imsvault.config.yaml',
      'credentials: { provider: ./p.mjs, pin: "x${FUSION_CLIENT_SECRET}", pins: ["${MINE}"] }',
    );
    await write(
      cwd,
      'p.mjs',
      `const validate = (value) => ({ value });
      const options = { '~standard': { version: 1, vendor: 'test', validate } };
      export default { name: 'x', options, refOptions: [], createProvider() {} };`,
    );
    const profile = await loadProfile({ configPath: 'imsvault.config.yaml', env, cwd, home: cwd });
    expect(profile.credentials).toMatchObject({ connection: { pin: `x${secret}` } });
    expectNoSecrets(profile.redacted(), [secret]);
  });

  it('of the agent may not either', async () => {
    const cwd = await tempFolder();
    const config = {
      agent: { sinks: [{ path: '/run/${MINE}' }] },
      credentials: { provider: 'env', clientSecret: 'MINE' },
    };
    const error = await failure(loadConfig({ config, env, cwd, home: cwd }));
    expect(error.message).toBe(`agent.sinks.0.path: must not refer to MINE, ${reason} (code)`);
    const profiles = { a: { credentials: config.credentials } };
    const other = await failure(loadConfig({ config: { agent: config.agent, profiles }, env, cwd, home: cwd }));
    expect(other.message).toBe(error.message);
  });

  it('may where a flag goes before it, or where it is a secret', async () => {
    const text = 'ims: { orgId: "${MINE}" }\ncredentials: { provider: env, clientSecret: MINE }';
    expect((await loadNamed(text, { env, set: ['ims.orgId=mine'] })).ims.orgId).toBe('mine');
    await loadNamed(
      'credentials: { provider: vault, address: "https://v.example", path: a, auth: { method: token, token: "${VAULT_TOKEN}" } }',
      { env: { VAULT_TOKEN: secret } },
    );
  });
});
