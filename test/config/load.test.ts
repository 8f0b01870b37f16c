import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openConfigSource, type SourceOptions } from '../../src/config/config-source.js';
import { listProfiles } from '../../src/config/list-profiles.js';
import { loadProfile, readProfile } from '../../src/config/load.js';
import { redact } from '../../src/redacted.js';
import { expectNoSecrets } from '../support/leaks.js';
import { failure, loadFound, loadNamed, problemsOf, tempFolder, valuesOf, write } from './support.js';

const PROFILES = `
defaultProfile: stage
profiles:
  stage: { ims: { orgId: stage@AdobeOrg } }
  prod: { ims: { orgId: prod@AdobeOrg } }
`;

describe('without a config', () => {
  it('reads the credential from the environment', async () => {
    const cwd = await tempFolder();
    const profile = await loadProfile({ env: {}, cwd, home: cwd });
    expect(profile.credentials).toMatchObject({
      provider: 'env',
      ref: { clientId: 'FUSION_CLIENT_ID', clientSecret: 'FUSION_CLIENT_SECRET' },
      timeoutMs: 10_000,
    });
    expect(profile.ims).toEqual({
      tokenEndpoint: 'https://ims-na1.adobelogin.com/ims/token/v3',
      timeouts: { connectMs: 5000, headersMs: 10_000, bodyMs: 5000, totalMs: 20_000 },
      timeoutMs: 60_000,
      retry: { maxAttempts: 4, baseDelayMs: 500, maxDelayMs: 10_000, maxRetryAfterMs: 30_000 },
    });
    expect(profile.renewal).toEqual({
      background: true,
      softFractionMin: 0.8,
      softFractionMax: 0.9,
      hardMarginMs: 300_000,
      floorMarginMs: 60_000,
    });
    expect(profile).toMatchObject({ baseDir: cwd, warnings: [] });
    expect(profile.configFile).toBeUndefined();
    expect(new Set(profile.origins.values())).toEqual(new Set(['default']));
  });

  it('still takes variables and flags', async () => {
    const cwd = await tempFolder();
    const profile = await loadProfile({
      cwd,
      home: cwd,
      env: { IMSVAULT_CREDENTIALS_PROVIDER: 'vault', IMSVAULT_CREDENTIALS_PATH: 'ims/fusion' },
      set: ['credentials.mount=kv'],
    });
    expect(profile.credentials).toMatchObject({ provider: 'vault', ref: { path: 'ims/fusion', mount: 'kv' } });
  });
});

describe('a config that code gives', () => {
  function nested(levels: number): object {
    let config: object = {};
    for (let level = 0; level < levels; level++) config = level % 2 === 0 ? { credentials: config } : [config];
    return config;
  }
  const circle: Record<string, unknown> = { credentials: { provider: 'env' } };
  circle.renewal = { circle, again: [circle] };
  const secret = 'p8e-secret-in-a-message';
  const fail = () => {
    throw Object.assign(new RangeError(secret), { code: secret.repeat(9) });
  };
  const failing = Object.defineProperty({}, 'ims', { enumerable: true, get: fail });

  it.each([
    ['has itself inside', circle, 'it is nested more than 100 levels deep, or has itself inside'],
    ['is nested too deep', nested(20_000), 'it is nested more than 100 levels deep, or has itself inside'],
    ['has a getter that throws', failing, 'it cannot be read: a getter or a proxy in it failed (RangeError)'],
    ['is a proxy that throws', new Proxy({}, { ownKeys: fail }), 'it cannot be read: a getter or a proxy in it failed'],
  ])('is refused where it %s', async (_title, config, message) => {
    const cwd = await tempFolder();
    const error = await failure(loadProfile({ config, env: {}, cwd, home: cwd }));
    expect(error.problems[0]?.path).toBe('');
    expect(error.message).toContain(message);
    expect(error.message).toMatch(/ \(code\)$/);
    if (message.startsWith('it cannot be read')) expect(error.cause).toMatchObject({ name: 'RangeError' });
    expectNoSecrets(error, [secret]);
  });

  it.each([
    [new URL('file:///srv/p8e-secret/imsvault.config.yaml'), 'an instance of URL'],
    [new Map([['p8e-secret', 1]]), 'an instance of Map'],
    [new Date(0), 'an instance of Date'],
    [Buffer.from('p8e-secret'), 'an instance of Buffer'],
  ])('says what it is and what to give where it is no plain object: %#', async (config, kind) => {
    const cwd = await tempFolder();
    const error = await failure(loadProfile({ config, env: {}, cwd, home: cwd }));
    expect(error.message).toBe(`a config must be a plain object; it is ${kind} (code)`);
    expect(error.hint).toContain("or a config file's path as a text; fileURLToPath(url)");
    expectNoSecrets(error, ['p8e-secret']);
  });

  it.each([
    [5, 'a number'],
    ['x', 'a text'],
    [null, 'empty'],
    [['a'], 'a list'],
  ])('that is %j is told of as that of a file', async (config, kind) => {
    const cwd = await tempFolder();
    const error = await failure(loadProfile({ config, env: {}, cwd, home: cwd }));
    expect([error.message, error.hint]).toEqual([`a config must be an object; it is ${kind} (code)`, undefined]);
  });

  it('in a module is read alike', async () => {
    const loading = loadNamed('const c = {}; c.ims = c; export default c;', { name: 'circle.mjs' });
    expect((await failure(loading)).message).toContain('or has itself inside (circle.mjs)');
  });

  it('has its getters run once', async () => {
    let runs = 0;
    const config = {
      get ims() {
        return { orgId: `run ${++runs}` };
      },
    };
    const cwd = await tempFolder();
    expect((await loadProfile({ config, env: {}, cwd, home: cwd })).ims.orgId).toBe('run 1');
  });
});

describe('a config file', () => {
  it('may be named by --config, before IMSVAULT_CONFIG, before the search', async () => {
    const cwd = await tempFolder();
    await write(cwd, 'imsvault.config.yaml', 'ims: { orgId: found }');
    await write(cwd, 'x/env.yaml', 'ims: { orgId: env }');
    await write(cwd, 'flag.yaml', 'ims: { orgId: flag }');
    const env = { IMSVAULT_CONFIG: 'x/env.yaml' };
    const orgId = async (options: object) => (await loadProfile({ env: {}, cwd, home: cwd, ...options })).ims.orgId;
    expect(await orgId({})).toBe('found');
    expect(await orgId({ env })).toBe('env');
    expect(await orgId({ env, configPath: 'flag.yaml' })).toBe('flag');
    expect(await orgId({ env: { IMSVAULT_CONFIG: '' } })).toBe('found');
    expect(await orgId({ env, config: { ims: { orgId: 'code' } } })).toBe('code');
    expect((await loadProfile({ env, cwd, home: cwd })).baseDir).toBe(join(cwd, 'x'));
  });

  it('that is named must exist and have a known ending', async () => {
    const cwd = await tempFolder();
    const load = (configPath: string) => failure(loadProfile({ configPath, env: {}, cwd, home: cwd }));
    expect((await load('none.yaml')).message).toContain('does not exist');
    expect((await load('config.toml')).problems).toStrictEqual([
      {
        path: '',
        message: `a config file ends in .yaml, .yml, .json, .mjs or .js; ${join(cwd, 'config.toml')} does not`,
      },
    ]);
  });

  it.each([
    ['object.mjs', 'export default { ims: { orgId: "code" } };'],
    ['function.mjs', 'export default () => ({ ims: { orgId: "code" } });'],
    ['async.mjs', 'export default async () => ({ ims: { orgId: "code" } });'],
    ['common.js', 'module.exports = { ims: { orgId: "code" } };'],
  ])('may be code: %s', async (name, text) => {
    const profile = await loadNamed(text, { name });
    expect(profile.ims.orgId).toBe('code');
    expect(profile.origins.get('ims.orgId')).toBe(name);
  });

  it('that is code is run anew with each reload', async () => {
    const cwd = await tempFolder();
    const read = async (number: number, reload?: number) => {
      await write(cwd, 'c.mjs', `export default { ims: { orgId: '${number}' } };`);
      return (
        await openConfigSource({ configPath: 'c.mjs', env: {}, cwd, ...(reload === undefined ? {} : { reload }) })
      ).value;
    };
    expect(await read(1)).toEqual({ ims: { orgId: '1' } });
    expect(await read(2, 1)).toEqual({ ims: { orgId: '2' } });
    expect(await read(3, 2)).toEqual({ ims: { orgId: '3' } });
    expect(await read(4, 0)).toEqual({ ims: { orgId: '1' } });
  });

  it('may end in .yml, and is called by its shorter name', async () => {
    const cwd = await tempFolder();
    const file = await write(cwd, 'c.yml', 'ims: {}');
    const named = (given: Partial<SourceOptions>) => openConfigSource({ configPath: file, env: {}, cwd, ...given });
    expect((await named({})).sourceOf(['ims'])).toBe('c.yml:1');
    expect((await named({ cwd: `/${'far/'.repeat(40)}` })).sourceOf(['ims'])).toBe(`${file}:1`);
  });

  it('or none of a file says what it is', async () => {
    const cwd = await tempFolder();
    const of = async (config?: object) => {
      const { sourceOf, ...rest } = await openConfigSource({ config, env: {}, cwd, home: cwd });
      return { ...rest, source: sourceOf(['a']) };
    };
    const none = { baseDir: cwd, discovered: false, isText: false };
    expect(await of()).toStrictEqual({ ...none, value: {}, isCode: false, source: undefined });
    expect(await of({ a: 1 })).toStrictEqual({ ...none, value: { a: 1 }, isCode: true, source: 'code' });
  });

  it('that is found is believed if it is of the user who asks', async () => {
    const cwd = await tempFolder();
    const file = await write(cwd, 'imsvault.config.yaml', 'ims: {}');
    // Root's files are trusted, so as root the file must become somebody else's.
    const owner = process.getuid?.() || 12_345;
    if (process.getuid?.() === 0) await chown(file, owner, owner);
    const found = { env: {}, cwd, home: cwd };
    expect((await openConfigSource({ ...found, uid: owner })).discovered).toBe(true);
    expect((await failure(openConfigSource({ ...found, uid: owner + 1 }))).message).toContain(
      'belongs to another user',
    );
  });

  it('that is code and throws tells nothing of its error', async () => {
    const error = await failure(loadNamed('throw new TypeError("p8e-secret in a message");', { name: 'bad.mjs' }));
    expect(error.message).toContain('failed when it was loaded (TypeError)');
    expect(error.hint).toBe('Run it alone with node to see where.');
    expect(error.problems).toMatchObject([{ path: '' }]);
    expectNoSecrets(error, ['p8e-secret']);
    expect((await failure(loadNamed('export const a = 1;', { name: 'none.mjs' }))).message).toContain('it is empty');
  });
});

describe('profiles', () => {
  it.each([
    ['the default one', {}, 'stage'],
    ['IMSVAULT_PROFILE', { env: { IMSVAULT_PROFILE: 'prod' } }, 'prod'],
    ['--profile', { profile: 'prod' }, 'prod'],
    ['--profile before IMSVAULT_PROFILE', { profile: 'stage', env: { IMSVAULT_PROFILE: 'prod' } }, 'stage'],
  ])('%s', async (_what, options, name) => {
    const profile = await loadNamed(PROFILES, options);
    expect(profile.name).toBe(name);
    expect(profile.ims.orgId).toBe(`${name}@AdobeOrg`);
  });

  it.each([
    [
      'an unknown name',
      PROFILES,
      { profile: 'prd' },
      'there is no profile "prd"; did you mean "prod"? the config has stage, prod',
    ],
    ['a name that is none', PROFILES, { profile: '__proto__' }, 'there is no profile'],
    ['a profile of a flat config', 'ims: {}', { profile: 'prod' }, 'the config has no "profiles"'],
    ['options beside profiles', `${PROFILES}\nims: {}`, {}, 'must not stand beside "profiles"'],
    ['unknown keys beside profiles', `${PROFILES}\nprofile: {}`, {}, 'did you mean "profiles"?'],
    [
      'no choice',
      'profiles: { a: {}, b: {} }',
      {},
      'choose a profile by --profile, IMSVAULT_PROFILE or "defaultProfile"; the config has a, b',
    ],
    [
      'an unknown default',
      'defaultProfile: c\nprofiles: { aa: {}, bb: {} }',
      {},
      'there is no profile "c"; the config has aa, bb',
    ],
    ['a default without profiles', 'defaultProfile: c', {}, 'must be an object of profiles by name; it is empty'],
    ['profiles that are a list', 'profiles: [a]', {}, 'must be an object of profiles by name; it is a list'],
    ['no profiles', 'profiles: {}', {}, 'an empty object'],
    [
      'a profile that is a text',
      'defaultProfile: a\nprofiles: { a: b }',
      {},
      'a profile must be an object; it is a text',
    ],
  ])('%s is an error', async (_what, text, options, message) => {
    expect((await failure(loadNamed(text, options))).message).toContain(message);
  });

  it.each([
    ['profiles: { a: {} }', { profile: 'b' }, '--profile'],
    ['profiles: { a: {} }', { env: { IMSVAULT_PROFILE: 'b' } }, 'IMSVAULT_PROFILE'],
    ['ims: {}', { profile: 'b' }, '--profile'],
    ['profiles: { a: {}, b: {} }', {}, 'imsvault.config.yaml'],
    ['- a', {}, 'imsvault.config.yaml'],
  ])('%s chosen wrongly is told of with who chose: %o', async (text, options, source) => {
    const { problems } = await failure(loadNamed(text, options));
    expect(problems).toStrictEqual([{ path: '', message: expect.any(String), source }]);
  });

  it('have their own lines', async () => {
    const problems = await problemsOf(loadNamed('profiles:\n  a: {}\n  b:\n    ims:\n      x: 1', { profile: 'b' }));
    expect(problems).toEqual([expect.objectContaining({ path: 'ims.x', source: 'imsvault.config.yaml:5' })]);
  });

  it('may be chosen by a variable in the file', async () => {
    const text = 'defaultProfile: ${STAGE:-a}\nprofiles: { a: {}, b: {} }';
    expect((await loadNamed(text)).name).toBe('a');
    expect((await loadNamed(text, { env: { STAGE: 'b' } })).name).toBe('b');
  });

  it('of a config object without profiles are not asked for by the environment', async () => {
    const cwd = await tempFolder();
    const profile = await loadProfile({ config: {}, env: { IMSVAULT_PROFILE: 'prod' }, cwd, home: cwd });
    expect(profile.name).toBeUndefined();
  });

  it('of a config object are named by code, or by the environment', async () => {
    const cwd = await tempFolder();
    const config = { profiles: { a: {}, b: {} } };
    expect((await loadProfile({ config, env: { IMSVAULT_PROFILE: 'b' }, cwd, home: cwd })).name).toBe('b');
    expect((await loadProfile({ config, profile: 'a', env: { IMSVAULT_PROFILE: 'b' }, cwd, home: cwd })).name).toBe(
      'a',
    );
    const wrong = failure(loadProfile({ config, profile: 'nope', env: {}, cwd, home: cwd }));
    expect((await wrong).problems).toMatchObject([{ path: '', source: 'code' }]);
  });

  it.each([
    ['profiles: { b: {}, a: { ims: 5 } }', ['b', 'a']],
    ['ims: {}', undefined],
    ['profiles: [a]', undefined],
    ['[]', undefined],
  ])('are listed without being checked: %s', async (text, expected) => {
    const cwd = await tempFolder();
    await write(cwd, 'imsvault.config.yaml', text);
    expect(await listProfiles({ env: {}, cwd, home: cwd })).toEqual(expected);
  });
});

describe('a resolved profile', () => {
  it('has every bound of a request in its place, in milliseconds', async () => {
    const text = `ims:
  { tokenEndpoint: "https://ims.example/t", scope: [a], orgId: o, clientId: c, caFile: /ca.pem, timeout: 9s,
    connectTimeout: 1s, headersTimeout: 2s, bodyTimeout: 3s, requestTimeout: 4s,
    retry: { maxAttempts: 5, baseDelay: 600, maxDelay: 7s, maxRetryAfter: 8s } }
renewal: { background: false, softFractionMin: 0.5, softFractionMax: 0.6, hardMargin: 7m, floorMargin: 2m }`;
    const { ims, renewal } = await loadNamed(text);
    expect(ims).toEqual({
      tokenEndpoint: 'https://ims.example/t',
      scope: ['a'],
      orgId: 'o',
      clientId: 'c',
      caFile: '/ca.pem',
      timeouts: { connectMs: 1000, headersMs: 2000, bodyMs: 3000, totalMs: 4000 },
      timeoutMs: 9000,
      retry: { maxAttempts: 5, baseDelayMs: 600, maxDelayMs: 7000, maxRetryAfterMs: 8000 },
    });
    expect(renewal).toEqual({
      background: false,
      softFractionMin: 0.5,
      softFractionMax: 0.6,
      hardMarginMs: 420_000,
      floorMarginMs: 120_000,
    });
  });

  it('is none where anything is wrong, be it beside its parts', async () => {
    const source = await openConfigSource({ config: { nope: 1 }, env: {}, cwd: '/' });
    const selected = { value: source.value, path: [] };
    const { profile, problems } = await readProfile(source, selected, { env: {} }, [selected]);
    expect([profile, problems.length]).toEqual([undefined, 1]);
  });

  it('says which file it is from, and shows what it rotates', async () => {
    const profile = await loadNamed('rotation:\n  orgId: 1\n  credentialId: a');
    expect(profile.configFile).toBe(join(profile.baseDir, 'imsvault.config.yaml'));
    expect(profile.redacted()).toMatchObject({ rotation: { orgId: '1', credentialId: 'a' } });
    expect(profile.origins.get('rotation.credentialId')).toBe('imsvault.config.yaml:3');
    expect((await loadNamed('ims: {}')).redacted()).not.toHaveProperty('rotation');
  });

  it('takes nothing of IMS from where its token store takes the like', async () => {
    const profile = await loadNamed(`ims:
  caFile: /ims.pem
credentials: { provider: azure-key-vault, vaultUrl: "https://a.vault.azure.net", secretName: a, caFile: /azure.pem }
tokenStore: { provider: azure-key-vault, secretName: b }`);
    expect(profile.origins.get('ims.caFile')).toBe('imsvault.config.yaml:2');
    expect(profile.origins.get('tokenStore.caFile')).toBe('imsvault.config.yaml:3');
  });

  it('has no part that nothing was said of', async () => {
    const cwd = await tempFolder();
    const profile = await loadProfile({ config: {}, env: {}, cwd, home: cwd });
    expect(Object.keys(profile).sort()).toEqual(
      ['baseDir', 'credentials', 'ims', 'origins', 'redacted', 'renewal', 'secretVariables', 'warnings'].sort(),
    );
    expect(Object.keys(profile.ims).sort()).toEqual(['retry', 'timeoutMs', 'timeouts', 'tokenEndpoint']);
  });

  it('names an unknown part only where it can be no secret', async () => {
    const problems = await problemsOf(
      loadNamed('profiles: { a: { p8e-S3cret0123456789: 1, imz: {} } }', { profile: 'a' }),
    );
    expect(problems.map(({ path, message }) => [path, message])).toEqual([
      ['(a key not shown)', 'unknown option'],
      ['imz', 'unknown option; did you mean "ims"?'],
    ]);
  });

  it('splits the options of its provider into connection and reference', async () => {
    const text = `
credentials:
  provider: vault
  address: https://vault.example.com:8200
  path: ims/fusion
  timeout: 3s
  fields: { clientId: id }
  auth: { method: approle, roleId: a, secretIdFile: ./secret-id }
ims: { caFile: ./ca.pem, scope: "openid, AdobeID", timeout: 5s, retry: { baseDelay: 1s } }
renewal: { hardMargin: 2m }
`;
    const profile = await loadNamed(text);
    expect(profile.credentials).toMatchObject({
      provider: 'vault',
      connection: { address: 'https://vault.example.com:8200', auth: { method: 'approle', roleId: 'a' } },
      ref: { path: 'ims/fusion' },
      fields: { clientId: 'id' },
      timeoutMs: 3000,
    });
    expect(profile.ims).toMatchObject({
      caFile: join(profile.baseDir, 'ca.pem'),
      scope: ['openid', 'AdobeID'],
      timeoutMs: 5000,
      retry: { baseDelayMs: 1000, maxAttempts: 4 },
    });
    expect(profile.renewal.hardMarginMs).toBe(120_000);
  });

  it('has no credentials beside a tokenStore without them', async () => {
    const text = 'tokenStore: { provider: vault, path: ims/token }';
    const profile = await loadNamed(text);
    expect(profile.credentials).toBeUndefined();
    expect(profile.tokenStore).toMatchObject({
      provider: 'vault',
      ref: { path: 'ims/token' },
      create: true,
      onMismatch: 'exchange',
      onUnavailable: 'exchange',
    });
    expect(profile.warnings).toEqual([]);
    expect((await loadNamed(`${text}\ncredentials: { provider: env }`)).credentials).toMatchObject({ provider: 'env' });
  });

  it.each([
    ['true', true],
    ['on', true],
    ['"1"', true],
    ['false', false],
    ['off', false],
    ['"0"', false],
  ])('keeps the token on this machine as it is told: cache: %s', async (text, expected) => {
    const profile = await loadNamed(`cache: ${text}`);
    expect([profile.cache, profile.origins.get('cache')]).toEqual([expected, 'imsvault.config.yaml:1']);
    expect((await failure(loadNamed('cache: maybe'))).problems).toMatchObject([
      { path: 'cache', message: 'must be true or false' },
    ]);
  });

  it('may have its token renewed at one moment of its life', async () => {
    const { renewal } = await loadNamed('renewal: { softFractionMin: 0.8, softFractionMax: 0.8 }');
    expect([renewal.softFractionMin, renewal.softFractionMax]).toEqual([0.8, 0.8]);
  });

  it('shows a chain as it was written', async () => {
    const profile = await loadNamed('credentials: { provider: chain, providers: [{ provider: env }] }');
    expect(profile.redacted()).toMatchObject({ credentials: { provider: 'chain', providers: [{ provider: 'env' }] } });
  });

  it('has the links of a chain', async () => {
    const text = 'credentials: { provider: chain, providers: [{ provider: env }, { provider: vault, path: a }] }';
    const profile = await loadNamed(text);
    expect(profile.credentials).toMatchObject({
      provider: 'chain',
      links: [{ provider: 'env' }, { provider: 'vault' }],
    });
  });

  it('knows where each value came from', async () => {
    const profile = await loadNamed('ims:\n  orgId: a\n  scope: [x]\ncredentials:\n  provider: env\n', {
      env: { IMSVAULT_IMS_CLIENT_ID: 'id' },
      set: ['ims.timeout=5s'],
    });
    const origins = Object.fromEntries(profile.origins);
    expect(origins).toMatchObject({
      'ims.orgId': 'imsvault.config.yaml:2',
      'ims.scope': 'imsvault.config.yaml:3',
      'ims.clientId': 'IMSVAULT_IMS_CLIENT_ID',
      'ims.timeout': '--set',
      'ims.tokenEndpoint': 'default',
      'credentials.provider': 'imsvault.config.yaml:5',
      'credentials.clientId': 'default',
    });
  });

  it('shows no secret', async () => {
    const secret = 'hvs.S3cretLogin';
    const profile = await loadNamed(
      'credentials: { provider: vault, path: a, auth: { method: token, token: "${VAULT_TOKEN}" } }',
      { env: { VAULT_TOKEN: secret } },
    );
    expect(profile.redacted()).toMatchObject({
      ims: { timeout: 60_000 },
      credentials: { provider: 'vault', path: 'a', auth: { method: 'token', token: '[redacted]' } },
    });
    expectNoSecrets(profile.redacted(), [secret]);
    expectNoSecrets(valuesOf(profile), [secret]);
  });

  it('may be given by code, wrapped secrets included', async () => {
    const cwd = await tempFolder();
    const config = {
      credentials: { provider: 'vault', path: 'a', auth: { method: 'token', token: redact('hvs.wrapped') } },
    };
    const profile = await loadProfile({ config, env: {}, cwd, home: cwd });
    expect(profile.origins.get('credentials.path')).toBe('code');
    expect(profile.warnings).toEqual([]);
    expectNoSecrets(valuesOf(profile), ['hvs.wrapped']);
    const wrong = { credentials: { provider: 'vault', pth: 'a' } };
    const problems = await problemsOf(loadProfile({ config: wrong, env: {}, cwd, home: cwd }));
    expect(problems).toContainEqual(expect.objectContaining({ path: 'credentials.pth', source: 'code' }));
  });

  it('takes ${…} for numbers and switches', async () => {
    const profile = await loadNamed(
      'ims: { retry: { maxAttempts: "${N}" }, allowSecretsOverPlainHttp: "${P}" }\ncredentials: { provider: vault, path: a, kvVersion: "${K:-2}" }',
      { env: { N: '7', P: 'true' } },
    );
    expect(profile.ims.retry.maxAttempts).toBe(7);
    expect(profile.credentials).toMatchObject({ connection: { kvVersion: 2 } });
  });

  it('takes no other text for a number because of a ${…} elsewhere, and tells of one that is not set', async () => {
    const text = 'ims: { orgId: "${ORG}" }\nrenewal: { softFractionMin: "0.5", softFractionMax: "${NOPE}" }';
    const { problems } = await failure(loadNamed(text, { env: { ORG: 'o' } }));
    expect(problems.map(({ path, message }) => `${path}: ${message}`).sort()).toEqual([
      'renewal.softFractionMax: the environment variable NOPE is not set',
      'renewal.softFractionMin: must be a number; it is a text',
    ]);
  });

  it('shows a list with ${…} in it, where it is no secret', async () => {
    const profile = await loadNamed('ims: { scope: ["${S}", b] }', { env: { S: 'a' } });
    expect(profile.redacted()).toMatchObject({ ims: { scope: ['a', 'b'] } });
  });

  it('accepts $schema for editors', async () => {
    expect((await loadNamed('{"$schema": "./x.json", "ims": {}}', { name: 'c.json' })).warnings).toEqual([]);
    expect((await loadFound('$schema: x\ndefaultProfile: a\nprofiles: { a: {} }')).name).toBe('a');
  });
});
