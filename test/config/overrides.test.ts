import { describe, expect, it } from 'vitest';
import { profileSchema } from '../../src/config/json-schema.js';
import { coerce, keysAt, listOptions, type SchemaNode, typesOf } from '../../src/config/option-tree.js';
import { everyOption, variableName } from '../../src/config/overrides.js';
import { expectNoSecrets } from '../support/leaks.js';
import { failure, loadNamed, problemsOf, valuesOf } from './support.js';

const VAULT = 'credentials: { provider: vault, path: a, auth: { method: approle, roleId: r, secretIdFile: /f } }';

describe('names of variables', () => {
  it.each([
    ['ims.tokenEndpoint', 'IMSVAULT_IMS_TOKEN_ENDPOINT'],
    ['ims.retry.maxRetryAfter', 'IMSVAULT_IMS_RETRY_MAX_RETRY_AFTER'],
    ['credentials.auth.secretIdFile', 'IMSVAULT_CREDENTIALS_AUTH_SECRET_ID_FILE'],
    ['credentials.allowSecretsOverPlainHttp', 'IMSVAULT_CREDENTIALS_ALLOW_SECRETS_OVER_PLAIN_HTTP'],
    ['credentials.providers.0.path', 'IMSVAULT_CREDENTIALS_PROVIDERS_0_PATH'],
    ['tokenStore.onMismatch', 'IMSVAULT_TOKEN_STORE_ON_MISMATCH'],
  ])('%s → %s', (path, name) => {
    expect(variableName(path.split('.'))).toBe(name);
  });

  it('are unambiguous, and there is one for each option of every provider', () => {
    const options = everyOption(profileSchema());
    const names = options.map(({ path }) => variableName(path));
    expect(new Set(names).size).toBe(names.length);
    const paths = options.map(({ path }) => path.join('.'));
    for (const path of [
      'credentials.assumeRole.roleArn',
      'credentials.vaultUrl',
      'credentials.tls.caFile',
      'credentials.dotenv',
    ]) {
      expect(paths).toContain(path);
    }
  });
});

describe('variables', () => {
  it('go before the file, and flags before them', async () => {
    const env = { IMSVAULT_IMS_ORG_ID: 'env', IMSVAULT_IMS_CLIENT_ID: 'env' };
    const { ims } = await loadNamed('ims: { orgId: file, clientId: file, timeout: 9s }', {
      env,
      set: ['ims.orgId=flag'],
    });
    expect(ims).toMatchObject({ orgId: 'flag', clientId: 'env', timeoutMs: 9000 });
  });

  it('take the type of their option', async () => {
    const env = {
      IMSVAULT_IMS_RETRY_MAX_ATTEMPTS: '2',
      IMSVAULT_IMS_ALLOW_SECRETS_OVER_PLAIN_HTTP: 'true',
      IMSVAULT_IMS_SCOPE: 'openid, AdobeID',
      IMSVAULT_IMS_TIMEOUT: '3s',
      IMSVAULT_IMS_HEADERS_TIMEOUT: '1500',
      IMSVAULT_IMS_ORG_ID: '12345',
      IMSVAULT_RENEWAL_SOFT_FRACTION_MIN: '0.5',
      IMSVAULT_CREDENTIALS_KV_VERSION: '1',
    };
    const profile = await loadNamed(VAULT, { env });
    expect(profile.ims).toMatchObject({
      retry: { maxAttempts: 2 },
      scope: ['openid', 'AdobeID'],
      timeoutMs: 3000,
      timeouts: { headersMs: 1500 },
      orgId: '12345',
    });
    expect(profile.renewal.softFractionMin).toBe(0.5);
    expect(profile.credentials).toMatchObject({ connection: { kvVersion: 1 } });
  });

  it('of a wrong kind are named', async () => {
    const problems = await problemsOf(loadNamed('ims: {}', { env: { IMSVAULT_IMS_RETRY_MAX_ATTEMPTS: 'many' } }));
    expect(problems).toEqual([
      expect.objectContaining({ path: 'ims.retry.maxAttempts', source: 'IMSVAULT_IMS_RETRY_MAX_ATTEMPTS' }),
    ]);
  });

  it('that are empty count as unset', async () => {
    expect((await loadNamed('ims: { orgId: file }', { env: { IMSVAULT_IMS_ORG_ID: '' } })).ims.orgId).toBe('file');
  });

  it('take the place of a reference that cannot be resolved', async () => {
    const profile = await loadNamed('ims: { orgId: "${UNSET}" }', { env: { IMSVAULT_IMS_ORG_ID: 'env' } });
    expect(profile.ims.orgId).toBe('env');
  });

  it('are not interpolated', async () => {
    const profile = await loadNamed('ims: {}', { env: { IMSVAULT_IMS_ORG_ID: '${X}' } });
    expect(profile.ims.orgId).toBe('${X}');
  });

  it('can name another provider: the options of the former one go', async () => {
    const env = {
      IMSVAULT_CREDENTIALS_PROVIDER: 'aws-secrets-manager',
      IMSVAULT_CREDENTIALS_SECRET_ID: 'ims/fusion',
      IMSVAULT_CREDENTIALS_ASSUME_ROLE_ROLE_ARN: 'arn:aws:iam::123456789012:role/x',
    };
    const profile = await loadNamed(VAULT, { env });
    expect(profile.credentials).toMatchObject({
      provider: 'aws-secrets-manager',
      ref: { secretId: 'ims/fusion' },
      connection: { assumeRole: { roleArn: 'arn:aws:iam::123456789012:role/x' } },
    });
    expect(profile.origins.get('credentials.secretId')).toBe('IMSVAULT_CREDENTIALS_SECRET_ID');
  });

  it('for the former provider have no effect then, and say so', async () => {
    const path = { IMSVAULT_CREDENTIALS_PATH: 'b' };
    const byVariable = await loadNamed(VAULT, { env: { ...path, IMSVAULT_CREDENTIALS_PROVIDER: 'env' } });
    const byFlag = await loadNamed(VAULT, { env: path, set: ['credentials.provider=env'] });
    for (const profile of [byVariable, byFlag]) {
      expect(profile.credentials).toMatchObject({ provider: 'env' });
      expect(profile.warnings).toEqual([expect.stringContaining('IMSVAULT_CREDENTIALS_PATH has no effect')]);
    }
  });

  it('for a method that the new provider does not have have no effect', async () => {
    const env = { IMSVAULT_CREDENTIALS_PROVIDER: 'env', IMSVAULT_CREDENTIALS_AUTH_METHOD: 'token' };
    const { credentials, warnings } = await loadNamed(VAULT, { env });
    expect(credentials).toMatchObject({ provider: 'env' });
    expect(warnings).toEqual([expect.stringContaining('IMSVAULT_CREDENTIALS_AUTH_METHOD has no effect')]);
  });

  it.each([
    ['the same provider', VAULT],
    ['a provider where the file names none', VAULT.replace('provider: vault, ', '')],
  ])('that name %s leave its options there', async (_what, text) => {
    const env = { IMSVAULT_CREDENTIALS_PROVIDER: 'vault' };
    expect((await loadNamed(text, { env })).credentials).toMatchObject({ ref: { path: 'a' } });
  });

  it('stand behind the rest of a profile whose provider a flag takes the place of', async () => {
    const profile = await loadNamed(VAULT, { env: { IMSVAULT_IMS_ORG_ID: 'x' }, set: ['credentials.provider=env'] });
    expect(profile.origins.get('ims.orgId')).toBe('IMSVAULT_IMS_ORG_ID');
  });

  it('give no warning that are empty, meant for other parts, or of another program', async () => {
    const env = {
      IMSVAULT_IMS_ORG_IDD: '',
      IMSVAULT_IMS_SCOP: undefined,
      IMSVAULT_CONFIG: 'other.yaml',
      MYSERVICEIMS_ORG_ID: 'x',
    };
    expect((await loadNamed(VAULT, { env })).warnings).toEqual([]);
  });

  it('can name another method of login', async () => {
    const env = { IMSVAULT_CREDENTIALS_AUTH_METHOD: 'token', IMSVAULT_CREDENTIALS_AUTH_TOKEN: 'hvs.x' };
    const profile = await loadNamed(VAULT, { env });
    expect(profile.credentials).toMatchObject({ ref: { path: 'a' }, connection: { auth: { method: 'token' } } });
    expectNoSecrets(valuesOf(profile), ['hvs.x']);
  });

  it('reach the links of a chain, and add none', async () => {
    const chain = 'credentials: { provider: chain, providers: [{ provider: env }, { provider: vault, path: a }] }';
    const env = { IMSVAULT_CREDENTIALS_PROVIDERS_1_PATH: 'b', IMSVAULT_CREDENTIALS_PROVIDERS_2_PATH: 'c' };
    const profile = await loadNamed(chain, { env });
    expect(profile.credentials).toMatchObject({ links: [{ provider: 'env' }, { ref: { path: 'b' } }] });
    expect(profile.origins.get('credentials.providers.1.path')).toBe('IMSVAULT_CREDENTIALS_PROVIDERS_1_PATH');
  });

  it('that have no effect, or are nearly right, give a warning; those of Kubernetes do not', async () => {
    const env = {
      IMSVAULT_CREDENTIALS_PATH: 'a',
      IMSVAULT_IMS_TOKEN_ENDPONT: 'x',
      IMSVAULT_SERVICE_HOST: '10.0.0.1',
      IMSVAULT_SERVICE_PORT: '80',
      IMSVAULT_PORT: 'tcp://10.0.0.1:80',
      IMSVAULT_PORT_80_TCP_ADDR: '10.0.0.1',
      IMSVAULT_CONFIG: '',
      IMSVAULT_TEST_BAO_BIN: '/bin/bao',
    };
    const { warnings } = await loadNamed('credentials: { provider: env }', { env });
    expect(warnings).toEqual([
      expect.stringContaining('IMSVAULT_CREDENTIALS_PATH has no effect'),
      expect.stringContaining('did you mean IMSVAULT_IMS_TOKEN_ENDPOINT?'),
    ]);
  });
});

describe('--set', () => {
  it('sets values, whatever their order', async () => {
    const set = [
      'credentials.path=x=y',
      'credentials.kvVersion=2',
      'credentials.provider=vault',
      'ims.orgId=a@AdobeOrg',
    ];
    const profile = await loadNamed('credentials: { provider: env }', { set });
    expect(profile.credentials).toMatchObject({
      provider: 'vault',
      ref: { path: 'x=y' },
      connection: { kvVersion: 2 },
    });
    expect(profile.ims.orgId).toBe('a@AdobeOrg');
  });

  it('sets a method before its options, and the provider of a link before its own', async () => {
    const login = VAULT.replace('method: approle, roleId: r, secretIdFile: /f', 'method: token, tokenFile: /t');
    const auth = ['credentials.auth.roleId=x', 'credentials.auth.secretIdFile=/f', 'credentials.auth.method=approle'];
    expect((await loadNamed(login, { set: auth })).credentials).toMatchObject({
      connection: { auth: { method: 'approle', secretIdFile: '/f' } },
    });
    const chain = 'credentials: { provider: chain, providers: [{ provider: env }] }';
    const link = ['credentials.providers.0.path=b', 'credentials.providers.0.provider=vault'];
    expect((await loadNamed(chain, { set: link })).credentials).toMatchObject({
      links: [{ provider: 'vault', ref: { path: 'b' } }],
    });
  });

  it('takes white space as it is, and the name of a variable that holds a secret', async () => {
    const set = ['ims.orgId=a b\nc', 'credentials.provider=env', 'credentials.clientSecret=MY_CLIENT_SECRET'];
    const profile = await loadNamed(VAULT, { set });
    expect(profile.ims.orgId).toBe('a b\nc');
    expect(profile.redacted()).toMatchObject({ credentials: { clientSecret: 'MY_CLIENT_SECRET' } });
  });

  it('reaches the links of a chain', async () => {
    const chain = 'credentials: { provider: chain, providers: [{ provider: vault, path: a }] }';
    const profile = await loadNamed(chain, { set: ['credentials.providers.0.path=b'] });
    expect(profile.credentials).toMatchObject({ links: [{ ref: { path: 'b' } }] });
  });

  it.each([
    ['credentials.auth.secretId=S3cretV4lue', 'use IMSVAULT_CREDENTIALS_AUTH_SECRET_ID or secretIdFile'],
    ['ims.clientSecret=S3cretV4lue', 'no place in the config'],
    ['clientSecret=S3cretV4lue', 'no place in the config'],
    ['S3cretV4lue', 'write path=value'],
    ['=S3cretV4lue', 'write path=value'],
    ['agent.listen=S3cretV4lue', 'agent.listen: cannot be set so: --set reaches the options of a profile'],
    ['profiles.a.ims.orgId=S3cretV4lue', 'profiles.a.ims.orgId: cannot be set so'],
    ['ims.nope=S3cretV4lue', 'unknown option'],
    ['ims.scope.x=S3cretV4lue', 'no group of options'],
    ['ims=S3cretV4lue', 'must be an object'],
    ['__proto__.x=S3cretV4lue', 'write path=value'],
  ])('refuses %s', async (flag, message) => {
    const text = `ims: { scope: a }\n${VAULT}`;
    const error = await failure(loadNamed(text, { set: [flag] }));
    expect(error.message).toContain(message);
    expect(error.problems[0]?.source).toBe('--set');
    if (message === 'write path=value') expect(error.problems[0]?.path).toBe('');
    expectNoSecrets(error, ['S3cretV4lue']);
  });
});

describe('a text for an option', () => {
  it.each<[string, SchemaNode, unknown]>([
    ['12', { type: 'string' }, '12'],
    ['12', { type: 'number' }, 12],
    [' -12.25 ', { type: 'integer' }, -12.25],
    ['123456789012.125', { type: 'number' }, 123456789012.125],
    ['1234567890123456', { type: 'number' }, '1234567890123456'],
    ['x12', { type: 'number' }, 'x12'],
    ['12x', { type: 'number' }, '12x'],
    ['0x12', { type: 'number' }, '0x12'],
    ['', { type: 'number' }, ''],
    ['12', { type: 'boolean' }, '12'],
    ['true', { type: 'boolean' }, true],
    ['false', { type: 'boolean' }, false],
    ['yes', { type: 'boolean' }, 'yes'],
    ['true', { type: 'number' }, 'true'],
    ['false', { type: 'array' }, 'false'],
    ['12', { type: ['number', 'boolean'] }, 12],
    ['false', { type: ['number', 'boolean'] }, false],
    ['12', { anyOf: [{ type: 'number' }, { type: 'string' }] }, '12'],
    ['12', { oneOf: [{ type: 'array' }, { anyOf: [{ type: 'integer' }] }] }, 12],
    ['1', { const: 2 }, 1],
    ['1', { const: '2' }, '1'],
  ])('%j becomes what its type asks for: %j', (text, node, expected) => {
    expect(coerce(text, node)).toBe(expected);
  });

  it('has the types of all alternatives, and none of its own where nothing says so', () => {
    expect([...typesOf({ anyOf: [{ type: 'integer' }], oneOf: [{ const: true }] })]).toEqual(['number', 'boolean']);
    expect([...typesOf({})]).toEqual([]);
  });
});

describe('the options of alternatives', () => {
  const text: SchemaNode = { type: 'string' };
  const schema: SchemaNode = {
    oneOf: [
      { properties: { kind: { const: 'a' }, one: text, both: { ...text, writeOnly: true } } },
      { properties: { kind: { const: 'b' }, two: text, both: text } },
      {
        properties: { kind: { not: { enum: ['a', 'b'] } }, three: text, list: { items: { properties: { in: text } } } },
      },
      { properties: { kind: { not: {} }, four: text } },
    ],
  };
  const names = (tree: unknown) => listOptions(schema, tree).map(({ path }) => path.join('.'));

  it('are those that fit what is there', () => {
    expect(names({ kind: 'a' })).toEqual(['kind', 'one', 'both', 'four']);
    expect(names({ kind: 'b' })).toEqual(['kind', 'two', 'both', 'four']);
    expect(names({ kind: 'c', list: [{}, {}] })).toEqual(['kind', 'three', 'list.0.in', 'list.1.in', 'four']);
    expect(names({})).toEqual(['kind', 'one', 'both', 'two', 'three', 'four']);
  });

  it('hold a secret where any of them does', () => {
    for (const oneOf of [schema.oneOf ?? [], [...(schema.oneOf ?? [])].reverse()]) {
      const both = listOptions({ oneOf }, {}).find(({ path }) => path[0] === 'both');
      expect(both?.node.writeOnly).toBe(true);
    }
  });

  it('have the keys of their place', () => {
    expect(keysAt(schema, { kind: 'c', list: [{}] }, ['list', 0])).toEqual(['in']);
    expect(keysAt(schema, { kind: 'a' }, ['list', 0])).toEqual([]);
    expect(keysAt(schema, { kind: 'a' }, ['one', 'deep'])).toEqual([]);
    expect(keysAt(schema, { kind: 'a' }, [])).toEqual(['kind', 'one', 'both', 'four']);
  });
});
