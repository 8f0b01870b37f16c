import { describe, expect, it } from 'vitest';
import { profileSchema } from '../../src/config/json-schema.js';
import { findLiteralSecrets, findSecretsForNames, isClientSecretKey } from '../../src/config/secrets.js';
import { dotted } from '../../src/config/tree.js';
import { expectNoSecrets } from '../support/leaks.js';
import { failure, loadNamed, valuesOf } from './support.js';

const SECRET = 'p8e-F4keCl13ntSecr3t';
const AZURE = 'provider: azure-key-vault, vaultUrl: "https://a.vault.azure.net", secretName: s';
const azureAuth = (secret: string) =>
  `credentials: { ${AZURE}, auth: { method: client-secret, tenantId: t, clientId: c, clientSecret: "${secret}" } }`;

describe('a client secret in a config file', () => {
  it.each([
    ['at the top', `clientSecret: ${SECRET}`, 'clientSecret'],
    ['under ims', `ims: { client_secret: ${SECRET} }`, 'ims.client_secret'],
    ['in capitals', `ims: { CLIENT_SECRET: ${SECRET} }`, 'ims.CLIENT_SECRET'],
    ['as the variable', `FUSION_CLIENT_SECRET: ${SECRET}`, 'FUSION_CLIENT_SECRET'],
    ['as a list', `credentials: { provider: vault, path: a, clientSecrets: [${SECRET}] }`, 'credentials.clientSecrets'],
    ['as a password', `credentials: { provider: vault, path: a, password: ${SECRET} }`, 'credentials.password'],
    [
      'in a chain',
      `credentials: { provider: chain, providers: [{ provider: vault, path: a, client_secret: ${SECRET} }] }`,
      'credentials.providers.0.client_secret',
    ],
    [
      'in a third party module',
      `credentials: { provider: "@acme/x", clientSecret: ${SECRET} }`,
      'credentials.clientSecret',
    ],
    [
      'as a value for a variable name',
      `credentials: { provider: env, clientSecret: ${SECRET} }`,
      'credentials.clientSecret',
    ],
    [
      'as a value that could be a name',
      'credentials: { provider: env, clientSecret: abcdef0123456789ABCDEF }',
      'credentials.clientSecret',
    ],
    [
      'as a field',
      'credentials: { provider: env, fields: { clientSecret: abcdef0123456789ABCDEF } }',
      'credentials.fields.clientSecret',
    ],
    ['for Azure', azureAuth(SECRET), 'credentials.auth.clientSecret'],
    ['as a default', azureAuth(`\${X:-${SECRET}}`), 'credentials.auth.clientSecret'],
    ['as a list of one number', 'ims: { clientSecret: 12345 }', 'ims.clientSecret'],
  ])('%s is refused with the reason, and not shown', async (_what, text, path) => {
    const error = await failure(loadNamed(text));
    const found = error.problems.filter((problem) => problem.path === path);
    expect(found).toHaveLength(1);
    expect(found[0]?.message).toMatch(/committed, copied and backed up|looks like a secret/);
    expect(found[0]?.source).toBe('imsvault.config.yaml:1');
    expectNoSecrets(error, [SECRET, 'abcdef0123456789ABCDEF', '12345']);
  });

  it('is refused in a profile that is not in use, and in JSON', async () => {
    const text = `{"defaultProfile": "a", "profiles": {"a": {}, "b": {"ims": {"clientSecret": "${SECRET}"}}}}`;
    const error = await failure(loadNamed(text, { name: 'c.json' }));
    expect(error.problems).toEqual([expect.objectContaining({ path: 'ims.clientSecret' })]);
    expectNoSecrets(error, [SECRET]);
  });

  it.each(['p8e-F4keCl13ntSecr3t', 'abcdef0123456789ABCDEF'])(
    'is refused where a variable names a variable: %s',
    async (value) => {
      const env = { IMSVAULT_CREDENTIALS_CLIENT_SECRET: value };
      const error = await failure(loadNamed('credentials: { provider: env }', { env }));
      expect(error.problems).toEqual([
        expect.objectContaining({ path: 'credentials.clientSecret', source: 'IMSVAULT_CREDENTIALS_CLIENT_SECRET' }),
      ]);
      expectNoSecrets(error, [value]);
      const referenced = failure(
        loadNamed('credentials: { provider: env, clientSecret: "${X}" }', { env: { X: value } }),
      );
      expectNoSecrets(await referenced, [value]);
    },
  );

  it('is refused even where a variable goes before it', async () => {
    const env = { IMSVAULT_CREDENTIALS_AUTH_CLIENT_SECRET: 'x' };
    expect((await failure(loadNamed(azureAuth(SECRET), { env }))).message).toContain('committed');
  });

  it.each([
    ['from a variable', azureAuth('${AZURE_SECRET}')],
    ['from a variable with an empty default', azureAuth('${AZURE_SECRET:-}')],
    ['as the name of a variable', 'credentials: { provider: env, clientSecret: MY_CLIENT_SECRET }'],
    ['as the name of a field', 'credentials: { provider: env, fields: { clientSecret: data.secret } }'],
  ])('%s is fine', async (_what, text) => {
    const profile = await loadNamed(text, { env: { AZURE_SECRET: SECRET } });
    expect(profile.warnings).toEqual([]);
    expectNoSecrets(valuesOf(profile), [SECRET]);
    expectNoSecrets(profile.redacted(), [SECRET]);
  });

  it('is the business of the code where the config is code', async () => {
    const text = `export default { credentials: { provider: 'azure-key-vault', vaultUrl: 'https://a.vault.azure.net', secretName: 's',
      auth: { method: 'client-secret', tenantId: 't', clientId: 'c', clientSecret: process.env.NOT_SET ?? '${SECRET}' } } };`;
    const profile = await loadNamed(text, { name: 'c.mjs' });
    expectNoSecrets(valuesOf(profile), [SECRET]);
  });
});

describe("a store's login in a config file", () => {
  const auth = (value: string) =>
    `credentials: { provider: vault, path: a, auth: { method: approle, roleId: r, secretId: "${value}" } }`;

  it.each([SECRET, `\${X:-${SECRET}}`])('written out gives a warning: %s', async (value) => {
    const profile = await loadNamed(auth(value));
    expect(profile.warnings).toEqual([
      expect.stringMatching(/^credentials\.auth\.secretId holds a secret .*\(imsvault\.config\.yaml:1\)$/),
    ]);
    expectNoSecrets(valuesOf(profile), [SECRET]);
  });

  it('from a variable gives none', async () => {
    expect((await loadNamed(auth('${SECRET_ID}'), { env: { SECRET_ID: SECRET } })).warnings).toEqual([]);
  });
});

it.each([
  ['clientSecret', true],
  ['client_secrets', true],
  ['FUSION_CLIENT_SECRET', true],
  ['password', true],
  ['passwd', true],
  ['clientSecretFile', false],
  ['oldPassword', false],
  ['dbPasswd', false],
  ['clientId', false],
])('a key called %s holds a client secret: %s', (key, expected) => {
  expect(isClientSecretKey(key)).toBe(expected);
});

it.each([
  ['19 letters with digits', 'abcdef0123456789abc', true],
  ['20 of them', 'abcdef0123456789abcd', false],
  ['with a separator', 'abcdef0123456789_abcd', true],
  ['with another before it', '-abcdef0123456789abcd', true],
  ['with one after it', 'abcdef0123456789abcd_', true],
  ['digits first', '0123456789abcdefabcd', false],
  ['capitals alone', 'ABCDEF0123456789ABCD', true],
  ['letters alone', 'abcdefghijklmnopqrst', true],
])('a field may be called so: %s', async (_title, name, expected) => {
  const loading = loadNamed(`credentials: { provider: env, fields: { clientSecret: "${name}" } }`);
  if (expected) expect((await loading).warnings).toEqual([]);
  else expect((await failure(loading)).message).toContain('looks like a secret');
});

it('in a profile that is not in use is told of with the line that it stands in', async () => {
  const text = `defaultProfile: a
profiles:
  a: {}
  b:
    credentials:
      provider: env
      client_secret: ${SECRET}`;
  const { problems } = await failure(loadNamed(text));
  expect(problems).toMatchObject([{ source: 'imsvault.config.yaml:7' }]);
});

describe('secrets written out, found without a place to tell', () => {
  const find = (profile: object) => findLiteralSecrets(profile, profileSchema(), () => undefined);
  const pathsOf = (profile: object) => find(profile).problems.map(({ path }) => path);
  const mixed = 'abcdef0123456789ABCDEF';

  it('have a path alone', () => {
    expect(find({ ims: { clientSecret: SECRET } }).problems).toStrictEqual([
      { path: 'ims.clientSecret', message: expect.stringContaining('has no place in the config') },
    ]);
    const auth = { method: 'approle', roleId: 'r', secretId: SECRET };
    expect(find({ credentials: { provider: 'vault', path: 'a', auth } }).warnings).toEqual([
      expect.stringMatching(/the …File option$/),
    ]);
  });

  it('are told of once for a list, and each for several', () => {
    const profile = { clientSecret: SECRET, ims: { clientSecrets: [SECRET, SECRET] } };
    expect(pathsOf(profile)).toEqual(['clientSecret', 'ims.clientSecrets']);
  });

  it('are told of once where the option is one for secrets', () => {
    const auth = { method: 'client-secret', tenantId: 't', clientId: 'c', clientSecret: mixed };
    const profile = { credentials: { provider: 'azure-key-vault', auth } };
    expect(pathsOf(profile)).toEqual(['credentials.auth.clientSecret']);
    expect(findSecretsForNames(profile, profileSchema())).toEqual([]);
  });

  it('are no empty value, and no number where a name belongs', () => {
    expect(pathsOf({ ims: { clientSecret: null } })).toEqual([]);
    expect(pathsOf({ credentials: { provider: 'env', clientSecret: 5 } })).toEqual([]);
  });

  it.each(['@acme/x', './x.mjs', 'imsvault-x'])("are what a third party's module %s gets as a text", (provider) => {
    for (const [given, found] of [
      ['${X}', false],
      [5, false],
      [SECRET, true],
      ['${X:-abc}', true],
    ] as const) {
      const block = { provider, clientSecret: given };
      expect(pathsOf({ credentials: block })).toEqual(found ? ['credentials.clientSecret'] : []);
      const chain = { provider: 'chain', providers: [{ provider: 'env' }, block] };
      expect(pathsOf({ credentials: chain })).toEqual(found ? ['credentials.providers.1.clientSecret'] : []);
    }
  });

  it.each([undefined, 5, 'vault', 'aws-secrets-manager'])(
    'are variables too where no module asks for them: %s',
    (provider) => {
      expect(pathsOf({ credentials: { provider, clientSecrets: ['${X}'] } })).toEqual(['credentials.clientSecrets']);
    },
  );
});

it('a secret in the place of a name is found by its path', () => {
  const profile = { credentials: { provider: 'env', clientSecret: 'abcdef0123456789ABCDEF' } };
  expect(findSecretsForNames(profile, profileSchema()).map(dotted)).toEqual(['credentials.clientSecret']);
});
