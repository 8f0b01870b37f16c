import { describe, expect, it } from 'vitest';
import { dotted } from '../../src/config/tree.js';
import { findDistrusted, guardedOptions } from '../../src/config/trust.js';
import { loadFound, loadNamed, problemsOf } from './support.js';

const vault = (rest: string) => `credentials: { provider: vault, path: a, ${rest} }`;
const aws = (rest: string) => `credentials: { provider: aws-secrets-manager, secretId: a, ${rest} }`;
const azure = (url: string, rest = '') =>
  `credentials: { provider: azure-key-vault, secretName: a, vaultUrl: "${url}"${rest} }`;
const authority = (url: string) => `, auth: { method: default, authorityHost: "${url}" }`;
const VAULT_URL = 'https://a.vault.azure.net';

describe('a config found by search', () => {
  it.each([
    ['ims.tokenEndpoint', 'ims: { tokenEndpoint: "https://ims.evil.example/token" }'],
    ['ims.tokenEndpoint', 'ims: { tokenEndpoint: "https://adobelogin.com.evil.example/token" }'],
    ['ims.tokenEndpoint', 'ims: { tokenEndpoint: "https://eviladobelogin.com/token" }'],
    ['ims.tokenEndpoint', 'ims: { tokenEndpoint: "https://127.0.0.1.evil.example/token" }'],
    ['ims.tokenEndpoint', 'ims: { tokenEndpoint: "http://ims-na1.adobelogin.com/token" }'],
    ['ims.caFile', 'ims: { caFile: ./ca.pem }'],
    ['ims.allowSecretsOverPlainHttp', 'ims: { allowSecretsOverPlainHttp: true }'],
    ['credentials.address', vault('address: "https://vault.evil.example"')],
    ['credentials.allowSecretsOverPlainHttp', vault('allowSecretsOverPlainHttp: true')],
    ['credentials.tls.caFile', vault('tls: { caFile: ./ca.pem }')],
    ['credentials.tls.caPath', vault('tls: { caPath: ./ca }')],
    ['credentials.tls.serverName', vault('tls: { serverName: a }')],
    ['credentials.endpoint', aws('endpoint: "https://sm.evil.example"')],
    ['credentials.endpoint', aws('endpoint: "https://ec2-1-2-3-4.compute-1.amazonaws.com"')],
    ['credentials.allowSecretsOverPlainHttp', aws('allowSecretsOverPlainHttp: true')],
    ['credentials.vaultUrl', azure('https://a.vault.evil.example')],
    ['credentials.vaultUrl', azure('https://avault.azure.net.evil.example')],
    ['credentials.auth.authorityHost', azure(VAULT_URL, authority('https://login.evil.example'))],
    [
      'credentials.disableChallengeResourceVerification',
      azure(VAULT_URL, ', disableChallengeResourceVerification: true'),
    ],
    ['credentials.disableInstanceDiscovery', azure(VAULT_URL, ', disableInstanceDiscovery: true')],
    ['credentials.caFile', azure(VAULT_URL, ', caFile: ./ca.pem')],
    [
      'credentials.providers.1.address',
      'credentials: { provider: chain, providers: [{ provider: env }, { provider: vault, path: a, address: "https://v.evil.example" }] }',
    ],
    ['credentials.assumeRole', aws('assumeRole: { roleArn: "arn:aws:iam::666666666666:role/open" }')],
    ['credentials.endpoint', aws('endpoint: "https://secretsmanager.s3.amazonaws.com"')],
    ['credentials.auth.jwtFile', vault('address: "http://127.0.0.1:8200", auth: { method: jwt, jwtFile: ~/.ssh/id }')],
    ['credentials.auth.jwtFile', vault('address: "http://127.0.0.1:8200", auth: { method: jwt, jwtFile: ../id }')],
    ['credentials.dotenv', 'credentials: { provider: env, dotenv: /etc/environment }'],
    [
      'credentials.clientId',
      'ims: { tokenEndpoint: "http://127.0.0.1:1/t" }\ncredentials: { provider: env, clientId: PATH }',
    ],
    [
      'credentials.path',
      'ims: { tokenEndpoint: "http://127.0.0.1:1/t" }\ncredentials: { provider: file, path: /run/secrets/db }',
    ],
    [
      'credentials.dotenv',
      'ims: { tokenEndpoint: "http://127.0.0.1:1/t" }\ncredentials: { provider: env, dotenv: /run/secrets/db }',
    ],
    ['tokenStore', 'tokenStore: { provider: vault, path: a, address: "http://127.0.0.1:8200" }'],
    ['tokenStore', 'tokenStore: { provider: aws-secrets-manager, secretId: their-secret }'],
    ['credentials.provider', 'credentials: { provider: "@acme/imsvault-provider-x" }'],
    ['credentials.provider', 'credentials: { provider: ./provider.mjs }'],
    ['credentials.providers.0.provider', 'credentials: { provider: chain, providers: [{ provider: ./provider.mjs }] }'],
  ])('may not set %s: %s', async (path, text) => {
    const problems = await problemsOf(loadFound(text));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toBe(path);
    expect(problems[0]?.message).toContain('--config or IMSVAULT_CONFIG');
    expect(problems[0]?.source).toMatch(/imsvault\.config\.yaml:[12]$/);
  });

  it.each([
    ['ims: { tokenEndpoint: "https://${X}.adobelogin.com/t" }', 'ims.tokenEndpoint'],
    ['ims: { tokenEndpoint: "http://127.0.0.1/${X}" }', 'ims.tokenEndpoint'],
    [vault('address: "https://${X}:8200"'), 'credentials.address'],
    [aws('endpoint: "https://127.0.0.1/${X}"'), 'credentials.endpoint'],
    [azure('https://${X}.vault.azure.net'), 'credentials.vaultUrl'],
    [azure(VAULT_URL, ', secretName: "${X}"').replace('secretName: a, ', ''), 'credentials.secretName'],
    [aws('region: "${X}"'), 'credentials.region'],
  ])('may not put a variable where a server sees it: %s', async (text, path) => {
    const problems = await problemsOf(loadFound(text, { env: { X: 'abc' } }));
    expect(problems).toEqual([expect.objectContaining({ path })]);
    expect(problems[0]?.message).toContain('may not put variables here');
  });

  it('may name another server than VAULT_ADDR by no host and no path, loopback included', async () => {
    for (const address of ['http://127.0.0.1:8200', 'https://v.example/other', 'https://w.example/team']) {
      const env = { VAULT_ADDR: 'https://v.example/team/' };
      expect(await problemsOf(loadFound(vault(`address: "${address}"`), { env }))).toHaveLength(1);
    }
  });

  it('runs no module of the folder it stands in, though a variable names one', async () => {
    const env = { IMSVAULT_CREDENTIALS_PROVIDER: './provider.mjs' };
    expect(await problemsOf(loadFound('ims: {}', { env }))).toEqual([
      expect.objectContaining({ path: 'credentials.provider', message: expect.stringContaining('code would run') }),
    ]);
  });

  it.each([
    ['ims: { tokenEndpoint: "https://ims-na1-stg1.adobelogin.com/ims/token/v3" }', {}],
    ['ims: { tokenEndpoint: "http://127.0.0.1:8080/ims/token/v3" }', {}],
    ['ims: { tokenEndpoint: "http://[::1]:8080/ims/token/v3", allowSecretsOverPlainHttp: false }', {}],
    [vault('address: "http://localhost:8200"'), {}],
    [vault('address: "https://vault.example.com:8200/"'), { VAULT_ADDR: 'https://vault.example.com:8200' }],
    [vault('address: "https://vault.example.com:8200"'), { BAO_ADDR: 'https://vault.example.com:8200' }],
    [aws('endpoint: "https://secretsmanager.eu-west-1.amazonaws.com"'), {}],
    [aws('endpoint: "https://vpce-0a1.secretsmanager.eu-west-1.vpce.amazonaws.com"'), {}],
    [aws('endpoint: "https://secretsmanager.cn-north-1.amazonaws.com.cn"'), {}],
    [aws('endpoint: "http://localhost:4566"'), {}],
    [azure(VAULT_URL), {}],
    [azure('https://a.vault.azure.cn'), {}],
    [azure('https://a.vault.usgovcloudapi.net'), {}],
    [azure(VAULT_URL, authority('https://login.microsoftonline.us')), {}],
  ])('may say %s', async (text, env) => {
    await expect(loadFound(text, { env })).resolves.toBeDefined();
  });

  it('is not bound in what a variable or a flag says', async () => {
    const env = { IMSVAULT_CREDENTIALS_ADDRESS: 'https://vault.example.com:8200' };
    const profile = await loadFound(vault('address: "https://v.evil.example"'), {
      env,
      set: ['ims.tokenEndpoint=https://ims.example.com/token'],
    });
    expect(profile.credentials).toMatchObject({ connection: { address: 'https://vault.example.com:8200' } });
    expect(profile.ims.tokenEndpoint).toBe('https://ims.example.com/token');
  });

  it('gets the name that was probably meant for a misspelt provider', async () => {
    const problems = await problemsOf(loadFound('credentials: { provider: valut }'));
    expect(problems[0]?.message).toBe('unknown provider; did you mean "vault"?');
  });
});

describe('a config that is named', () => {
  it.each([
    'ims: { tokenEndpoint: "https://${X}.example.com/token", caFile: ./ca.pem }',
    'ims: { tokenEndpoint: "http://ims.example.com/token", allowSecretsOverPlainHttp: true }',
    vault('address: "https://${X}.example.com", tls: { caFile: ./ca.pem }'),
    aws('endpoint: "https://sm.example.com"'),
    azure(
      'https://kv.example.com',
      `, disableChallengeResourceVerification: true${authority('https://login.example.com')}`,
    ),
  ])('may say %s', async (text) => {
    await expect(loadNamed(text, { env: { X: 'abc' } })).resolves.toBeDefined();
  });
});

interface Distrusted {
  env?: Record<string, string>;
  explicit?: string[];
  raw?: object;
}

/** What the rules alone find, without the checks of schemas, which refuse some of it too. */
const distrusted = (profile: object, { env = {}, explicit = [], raw = profile }: Distrusted = {}) =>
  findDistrusted({
    resolved: profile,
    raw,
    env,
    baseDir: '/base',
    isExplicit: (path) => explicit.includes(dotted(path)),
  });
const pathsOf = (...given: Parameters<typeof distrusted>) => distrusted(...given).map(({ path }) => dotted(path));

const LOOPBACK = { tokenEndpoint: 'http://127.0.0.1:1/t' };

describe('what a file found by search may not name', () => {
  it.each([
    ['a text that is no URL', 'no url'],
    ['a list that reads like a good URL', ['https://ims-na1.adobelogin.com/t']],
    ['a number', 5],
    ['another protocol of this machine', 'ftp://127.0.0.1/t'],
  ])('is an endpoint that is %s', (_what, tokenEndpoint) => {
    expect(pathsOf({ ims: { tokenEndpoint } })).toEqual(['ims.tokenEndpoint']);
  });

  it('is what makes a connection open, of which the text "false" is not', () => {
    expect(pathsOf({ ims: { allowSecretsOverPlainHttp: 'false' } })).toEqual([]);
    expect(pathsOf({ ims: { allowSecretsOverPlainHttp: '' } })).toEqual(['ims.allowSecretsOverPlainHttp']);
  });

  it.each([
    ['https://v.example/team', []],
    ['https://v.example/team//', []],
    ['https://w.example', []],
    ['https://v.example', ['credentials.address']],
    ['no url', ['credentials.address']],
    [['https://w.example'], ['credentials.address']],
  ])("is a vault that is neither of the environment's: %j", (address, expected) => {
    const env = { VAULT_ADDR: 'https://v.example/team/', BAO_ADDR: 'https://w.example' };
    expect(pathsOf({ credentials: { provider: 'vault', address } }, { env })).toEqual(expected);
  });

  it("is any vault where the environment's is no URL", () => {
    const env = { VAULT_ADDR: '127.0.0.1:8200' };
    expect(pathsOf({ credentials: { provider: 'vault', address: 'also none' } }, { env })).toEqual([
      'credentials.address',
    ]);
  });

  it('is a token store, unless a flag or a variable named its provider', () => {
    expect(pathsOf({ tokenStore: { provider: 'vault' } })).toEqual(['tokenStore']);
    expect(pathsOf({ tokenStore: { provider: 'vault' } }, { explicit: ['tokenStore.provider'] })).toEqual([]);
  });

  it('is in the documentation', () => {
    expect(guardedOptions()).toEqual(expect.arrayContaining(['tokenStore', 'ims.caFile', 'vault.tls.caFile']));
    expect(guardedOptions()).not.toContain(undefined);
  });

  it('is told of each link of a chain once, and of no list that is no chain', () => {
    const links = [{ provider: 'env' }, { provider: 'vault', address: 'https://v.evil', auth: { jwtFile: '/etc/x' } }];
    const expected = ['credentials.providers.1.address', 'credentials.providers.1.auth.jwtFile'];
    expect(pathsOf({ credentials: { provider: 'chain', providers: links } })).toEqual(expected);
    expect(pathsOf({ credentials: { provider: 'vault', providers: links } })).toEqual([]);
    expect(pathsOf({ credentials: { provider: 'chain', providers: 5 } })).toEqual([]);
  });

  it('is judged by the provider: a block without one is not judged, and what is empty holds nothing', () => {
    expect(pathsOf({ credentials: { address: 'https://v.evil', region: '${X}' } })).toEqual([]);
    expect(pathsOf({ ims: { scope: null }, rotation: null, credentials: null })).toEqual([]);
  });
});

describe('variables in a file found by search', () => {
  it.each([
    { credentials: { provider: 'vault', path: '${X}', mount: '${X}', namespace: '${X}', auth: { roleId: '${X}' } } },
    { credentials: { provider: 'azure-key-vault', auth: { clientSecret: '${X}', certificatePassword: '${X}' } } },
    { credentials: { provider: 'file', path: '${X}' } },
    { rotation: { orgId: '${X}', credentialId: '${X}', scope: '${X}' } },
    { ims: { scope: '${X}', orgId: '${X}', clientId: '${X}', timeout: '${X}', retry: { attempts: '${X}' } } },
    { credentials: { provider: 'chain', providers: [{ provider: 'vault', path: '${X}' }] } },
  ])('may stand where only the own server sees them: %j', (raw) => {
    expect(pathsOf({}, { raw })).toEqual([]);
    const resolved = JSON.parse(JSON.stringify(raw).replaceAll('${X}', 'x'));
    expect(pathsOf(resolved, { raw })).toEqual([]);
  });

  it.each([
    [{ credentials: { provider: 'vault', role: '${X}' } }, 'credentials.role'],
    [{ credentials: { provider: 'env', clientId: '${X}' } }, 'credentials.clientId'],
    [{ credentials: { provider: 'aws-secrets-manager', path: '${X}' } }, 'credentials.path'],
    [
      { credentials: { provider: 'chain', providers: [{ provider: 'x', name: ['a', '${X}'] }] } },
      'credentials.providers.0.name.1',
    ],
  ])('may not stand elsewhere, unless a flag or a variable took the place: %j', (profile, path) => {
    expect(pathsOf(profile)).toEqual([path]);
    expect(pathsOf(profile, { explicit: [path] })).toEqual([]);
  });
});

describe('files in a file found by search', () => {
  it.each([
    [{ provider: 'file', path: 'a' }, []],
    [{ provider: 'file', path: '/run/secrets/a' }, []],
    [{ provider: 'file', path: '/run/secretsx/a' }, ['credentials.path']],
    [{ provider: 'file', path: '/basement/a' }, ['credentials.path']],
    [{ provider: 'file', path: '../a' }, ['credentials.path']],
    [{ provider: 'env', dotenv: '/etc/a' }, ['credentials.dotenv']],
    [{ provider: 'env', dotenv: '/run/credentials/a' }, []],
    [{ provider: 'vault', auth: { secretIdFile: '/etc/a' } }, ['credentials.auth.secretIdFile']],
    [{ provider: 'vault', path: '/etc/a', mount: '/etc' }, []],
    [{ provider: 'file', entry: '/etc/a' }, []],
  ])('are of its own folder or mounted: %j', (credentials, expected) => {
    expect(pathsOf({ credentials })).toEqual(expected);
    expect(pathsOf({ credentials }, { explicit: expected })).toEqual([]);
  });

  it('are told of with the folders that are allowed', () => {
    expect(distrusted({ credentials: { provider: 'file', path: '/etc/a' } })[0]?.message).toBe(
      'a file found by search may name files of its own folder and /run/secrets, /var/run/secrets, /run/credentials only; name the file by --config or IMSVAULT_CONFIG if you trust it',
    );
  });
});

describe('an endpoint of this machine in a file found by search', () => {
  const env = { provider: 'env', clientId: 'PATH', clientSecret: 'HOME' };

  it('gets no variable that the file names', () => {
    const both = ['credentials.clientId', 'credentials.clientSecret'];
    expect(pathsOf({ ims: LOOPBACK, credentials: env })).toEqual(both);
    expect(pathsOf({ ims: LOOPBACK, credentials: env }, { explicit: both })).toEqual([]);
  });

  it('may get what its user chose it for, as Adobe may', () => {
    expect(pathsOf({ ims: LOOPBACK, credentials: env }, { explicit: ['ims.tokenEndpoint'] })).toEqual([]);
    expect(pathsOf({ ims: { tokenEndpoint: 'https://ims-na1.adobelogin.com/t' }, credentials: env })).toEqual([]);
  });

  it.each([
    [{ provider: 'file', path: 'a' }, []],
    [{ provider: 'file', path: '/run/secrets/a' }, ['credentials.path']],
    [{ provider: 'env', dotenv: 'a' }, []],
    [{ provider: 'vault', path: '/etc/a' }, []],
    [{ provider: 'other', clientId: 'a', path: '/etc/a' }, []],
  ])('gets files of the folder alone: %j', (credentials, expected) => {
    expect(pathsOf({ ims: LOOPBACK, credentials })).toEqual(expected);
  });
});
