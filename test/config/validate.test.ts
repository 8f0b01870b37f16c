import { describe, expect, it } from 'vitest';
import { expectNoSecrets } from '../support/leaks.js';
import { failure, loadNamed, problemsOf } from './support.js';

const VAULT = 'credentials: { provider: vault, address: "https://vault.example.com:8200", path: ims/fusion';

describe('a config of a wrong kind', () => {
  it.each([
    // the whole
    ['- a', '', 'a config must be an object; it is a list'],
    ['text', '', 'it is a text'],
    ['42', '', 'it is a number'],
    ['imss: {}', 'imss', 'unknown option; did you mean "ims"?'],
    ['Credentials: {}', 'Credentials', 'did you mean "credentials"?'],
    ['token_store: {}', 'token_store', 'did you mean "tokenStore"?'],
    ['somethingElse: {}', 'somethingElse', 'unknown option'],
    // ims
    ['ims: { timeout: .nan }', 'ims.timeout', 'must be a number or a text; it is no finite number'],
    ['ims: []', 'ims', 'must be an object; it is a list'],
    ['ims:', 'ims', 'must be an object; it is empty'],
    ['ims: { token_endpoint: "https://a" }', 'ims.token_endpoint', 'did you mean "tokenEndpoint"?'],
    ['ims: { tokenEndpoint: 5 }', 'ims.tokenEndpoint', 'must be a text; it is a number'],
    ['ims: { tokenEndpoint: nonsense }', 'ims.tokenEndpoint', 'must be an https:// URL'],
    ['ims: { tokenEndpoint: "ftp://a.example" }', 'ims.tokenEndpoint', 'must be an https:// URL'],
    ['ims: { tokenEndpoint: "http://ims.example.com/token" }', 'ims.tokenEndpoint', 'plain http'],
    ['ims: { tokenEndpoint: "https://a.example/t?x=1" }', 'ims.tokenEndpoint', 'no query'],
    ['ims: { tokenEndpoint: "https://u:p@a.example/t" }', 'ims.tokenEndpoint', 'no user name'],
    ['ims: { tokenEndpoint: "https://u@a.example/t" }', 'ims.tokenEndpoint', 'no user name'],
    ['ims: { tokenEndpoint: "https://:p@a.example/t" }', 'ims.tokenEndpoint', 'no user name'],
    ['ims: { tokenEndpoint: "https://a.example/t#x" }', 'ims.tokenEndpoint', 'no fragment'],
    ['ims: { scope: [] }', 'ims.scope', 'at least one scope'],
    ['ims: { scope: " , " }', 'ims.scope', 'at least one scope'],
    ['ims: { scope: { a: 1 } }', 'ims.scope', 'must be a text or a list; it is an object'],
    ['ims: { scope: [1] }', 'ims.scope', 'must'],
    ['ims: { orgId: 12345 }', 'ims.orgId', 'must be a text; it is a number'],
    ['ims: { orgId: "" }', 'ims.orgId', 'at least 1 characters'],
    ['ims: { timeout: 10 parsecs }', 'ims.timeout', 'write a duration'],
    ['ims: { timeout: true }', 'ims.timeout', 'must be a number or a text; it is true'],
    ['ims: { timeout: 5ms }', 'ims.timeout', 'must be between'],
    ['ims: { timeout: -5 }', 'ims.timeout', 'write a duration'],
    ['ims: { retry: { maxAttempts: 0 } }', 'ims.retry.maxAttempts', 'at least 1'],
    ['ims: { retry: { maxAttempts: 11 } }', 'ims.retry.maxAttempts', 'at most 10'],
    ['ims: { retry: { maxAttempts: 1.5 } }', 'ims.retry.maxAttempts', 'must be a whole number'],
    ['ims: { retry: { maxAttempts: .inf } }', 'ims.retry.maxAttempts', 'must be'],
    ['ims: { retry: { maxAttempts: four } }', 'ims.retry.maxAttempts', 'must be a number; it is a text'],
    ['ims: { allowSecretsOverPlainHttp: yes }', 'ims.allowSecretsOverPlainHttp', 'must be true or false; it is a text'],
    // renewal
    ['renewal: { softFractionMin: 1 }', 'renewal.softFractionMin', 'must be at most 1, and not equal to it'],
    ['renewal: { softFractionMin: 0.9, softFractionMax: 0.8 }', 'renewal.softFractionMin', 'not be above'],
    // blocks
    ['credentials: env', 'credentials', 'must be an object with a "provider"; it is a text'],
    ['credentials: [env]', 'credentials', 'it is a list'],
    ['credentials:', 'credentials', 'it is empty'],
    ['credentials: {}', 'credentials.provider', 'is required: aws-secrets-manager, vault'],
    ['credentials: { provider: 5 }', 'credentials.provider', 'must be one of'],
    ['credentials: { provider: "Not A Module!" }', 'credentials.provider', 'must be one of aws-secrets-manager, vault'],
    ['credentials: { provider: vault }', 'credentials.path', 'is required'],
    ['credentials: { provider: vault, pth: a }', 'credentials.pth', 'did you mean "path"?'],
    ['credentials: { provider: env, fields: a }', 'credentials.fields', 'must be an object; it is a text'],
    [
      'credentials: { provider: env, fields: { client_id: a } }',
      'credentials.fields.client_id',
      'did you mean "clientId"?',
    ],
    ['credentials: { provider: env, timeout: 3m }', 'credentials.timeout', 'must be between 100 and 120000'],
    ['credentials: { provider: env, Timeout: 3s }', 'credentials.Timeout', 'did you mean "timeout"?'],
    // chain
    ['credentials: { provider: chain }', 'credentials.providers', 'must be a list of providers'],
    ['credentials: { provider: chain, providers: [] }', 'credentials.providers', 'it is an empty list'],
    ['credentials: { provider: chain, providers: { provider: env } }', 'credentials.providers', 'it is an object'],
    ['credentials: { provider: chain, links: [] }', 'credentials.links', 'is no option of a chain'],
    ['credentials: { provider: chain, provders: [] }', 'credentials.provders', 'did you mean "providers"?'],
    ['credentials: { provider: chain, providers: [env] }', 'credentials.providers.0', 'it is a text'],
    [
      'credentials: { provider: chain, providers: [{ provider: chain }] }',
      'credentials.providers.0.provider',
      'inside a chain',
    ],
    [
      'credentials: { provider: chain, providers: [{ provider: env }, { provider: vault }] }',
      'credentials.providers.1.path',
      'is required',
    ],
    // auth
    [`${VAULT}, auth: {} }`, 'credentials.auth.method', 'is required: token, approle'],
    [`${VAULT}, auth: { method: approl } }`, 'credentials.auth.method', 'did you mean "approle"?'],
    [`${VAULT}, auth: { method: 5 } }`, 'credentials.auth.method', 'must be one of token, approle'],
    [`${VAULT}, auth: { method: approle, role_id: a } }`, 'credentials.auth.role_id', 'did you mean "roleId"?'],
    [`${VAULT}, auth: { method: approle, roleId: [a] } }`, 'credentials.auth.roleId', 'must be a text; it is a list'],
    [
      `${VAULT}, auth: { method: approle, secretId: 5 } }`,
      'credentials.auth.secretId',
      'must be a text; it is a number',
    ],
    [`${VAULT}, kvVersion: 3 }`, 'credentials.kvVersion', 'at most 2'],
    [`${VAULT}, kvVersion: "2" }`, 'credentials.kvVersion', 'must be a number; it is a text'],
    [`${VAULT}, auth: { method: approle, roleId: a, roleIdFile: /f } }`, 'credentials.auth.roleIdFile', 'not both'],
    [
      `${VAULT}, pat: x, auth: { method: approle, roleId: a, roleIdFile: /f } }`,
      'credentials.auth.roleIdFile',
      'not both',
    ],
    [
      `${VAULT}, auth: { method: approle, roleId: a, roleIdFile: /f, secretId: 5 } }`,
      'credentials.auth.roleIdFile',
      'give roleId or roleIdFile, not both',
    ],
    // other stores
    ['credentials: { provider: aws-secrets-manager }', 'credentials.secretId', 'is required'],
    ['credentials: { provider: aws-secrets-manager, secretId: a, region: 7 }', 'credentials.region', 'must be'],
    ['credentials: { provider: azure-key-vault, secretName: a }', 'credentials.vaultUrl', 'is required'],
    [
      'credentials: { provider: azure-key-vault, vaultUrl: 5, secretName: a }',
      'credentials.vaultUrl',
      'it is a number',
    ],
    // tokenStore
    ['tokenStore: { provider: vault }', 'tokenStore.path', 'is required'],
    ['tokenStore: { provider: env }', 'tokenStore.provider', 'cannot hold a token'],
    ['tokenStore: { provider: chain }', 'tokenStore.provider', 'cannot hold a token'],
    ['tokenStore: { provider: vault, path: a, version: 1 }', 'tokenStore.version', 'always written as the newest'],
    [
      'tokenStore: { provider: aws-secrets-manager, secretId: a, versionId: b }',
      'tokenStore.versionId',
      'always written as the newest',
    ],
    [
      'tokenStore: { provider: azure-key-vault, vaultUrl: "https://a.vault.azure.net", secretName: a, version: b }',
      'tokenStore.version',
      'always written as the newest',
    ],
    [
      'tokenStore: { provider: azure-key-vault, vaultUrl: "https://a.vault.azure.net", clientIdSecretName: a, clientSecretSecretName: b }',
      'tokenStore.clientIdSecretName',
      'a token is one secret',
    ],
    ['tokenStore: { provider: vault, path: a, create: maybe }', 'tokenStore.create', 'must be true or false'],
    [
      'tokenStore: { provider: vault, path: a, onMismatch: replce }',
      'tokenStore.onMismatch',
      'did you mean "replace"?',
    ],
    [
      'tokenStore: { provider: vault, path: a, onUnavailable: never }',
      'tokenStore.onUnavailable',
      'must be one of exchange, fail',
    ],
    ['tokenStore: { provider: vault, path: a, fields: {} }', 'tokenStore.fields', 'unknown option'],
    // references
    ['ims: { orgId: "${ORG}" }', 'ims.orgId', 'the environment variable ORG is not set'],
    ['ims: { orgId: "${ORG" }', 'ims.orgId', 'must be followed by a variable'],
  ])('%s', async (text, path, message) => {
    const problems = await problemsOf(loadNamed(text));
    expect(problems.map((problem) => problem.path)).toEqual(expect.arrayContaining([path]));
    const found = problems.filter((problem) => problem.path === path);
    expect(found).toHaveLength(1);
    expect(found[0]?.message).toContain(message);
  });

  it('tells every problem at once, each with its line', async () => {
    const text = [
      'ims:',
      '  tokenEndpoin: https://a.example',
      '  timeout: soon',
      'credentials:',
      '  provider: vault',
      '  kvVersion: 7',
      '  pth: ims/fusion',
      '  auth: { method: approle, secretId: "${SECRET_ID}" }',
      'tokenStore:',
      '  provider: aws-secrets-manager',
      'renwal: {}',
    ].join('\n');
    const error = await failure(loadNamed(text));
    expect(error.problems.map(({ path, source }) => [path, source])).toEqual(
      expect.arrayContaining([
        ['renwal', 'imsvault.config.yaml:11'],
        ['credentials.auth.secretId', 'imsvault.config.yaml:8'],
        ['ims.timeout', 'imsvault.config.yaml:3'],
        ['ims.tokenEndpoin', 'imsvault.config.yaml:2'],
        ['credentials.kvVersion', 'imsvault.config.yaml:6'],
        ['credentials.pth', 'imsvault.config.yaml:7'],
        ['credentials.path', 'imsvault.config.yaml:4'],
        ['tokenStore.secretId', 'imsvault.config.yaml:9'],
      ]),
    );
    expect(error.message).toMatch(/^\d+ problems:\n/);
  });

  it('prints no value, whatever is wrong with it', async () => {
    const secret = 'p8e-V4lueThatMustNotShow';
    const text = [
      `ims: { tokenEndpoint: "${secret}", timeout: "${secret}", scope: { a: "${secret}" }, retry: "${secret}" }`,
      `credentials: { provider: vault, address: "${secret}", kvVersion: "${secret}", "${secret}": 1, auth: { method: "${secret}" } }`,
      `tokenStore: { provider: "${secret} x", create: "${secret}" }`,
      `renewal: { softFractionMin: "${secret}" }`,
      `"${secret}": "${secret}"`,
    ].join('\n');
    expectNoSecrets(await failure(loadNamed(text)), [secret]);
  });

  it('is told apart in JSON too', async () => {
    const problems = await problemsOf(loadNamed('{\n  "ims": {\n    "timeout": "x"\n  }\n}', { name: 'c.json' }));
    expect(problems).toEqual([expect.objectContaining({ path: 'ims.timeout', source: 'c.json:3' })]);
  });
});

it('a chain without its list is told what it lacks, and nothing of what is not there', async () => {
  expect(await problemsOf(loadNamed('credentials: { provider: chain }'))).toEqual([
    expect.objectContaining({ path: 'credentials.providers', message: 'must be a list of providers' }),
  ]);
});
