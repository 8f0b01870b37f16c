import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/config/load.js';
import { openCredentialSource } from '../../src/config/open.js';
import { isModuleName, loadBuiltIn } from '../../src/config/provider-module.js';
import { createSharedProviders } from '../../src/config/provider-pool.js';
import { ImsvaultError } from '../../src/errors.js';
import { reveal } from '../../src/redacted.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { failure, tempFolder, write } from './support.js';

const MODULE = (extra = '') => `
const validate = (value) => value.place === 'good'
  ? { value: { ...value, added: true } }
  : { issues: [{ message: \`place must be good, not \${value.place}\`, path: ['place'] }] };
export default {
  name: 'x',
  options: { '~standard': { version: 1, vendor: 'test', validate } },
  refOptions: ['entry'],
  createProvider() { return { name: 'x', describe: () => 'x', async readSecret() { throw new Error('hvs.leak'); } }; },
  ${extra}
};`;

async function load(
  provider: string,
  options = 'place: good, entry: e',
  prepare?: (folder: string) => Promise<unknown>,
) {
  const cwd = await tempFolder();
  await write(cwd, 'sub/imsvault.config.yaml', `credentials: { provider: "${provider}", ${options} }`);
  await prepare?.(cwd);
  return loadProfile({ configPath: 'sub/imsvault.config.yaml', env: { PIN: '4711', TOKEN: 'abc' }, cwd, home: cwd });
}

const packaged = (name: string, json: object, files: Record<string, string>) => async (cwd: string) => {
  await write(cwd, `node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', ...json }));
  for (const [file, text] of Object.entries(files)) await write(cwd, `node_modules/${name}/${file}`, text);
};

describe("a third party's module", () => {
  it.each([
    ['a path', './p.mjs', (cwd: string) => write(cwd, 'sub/p.mjs', MODULE())],
    ['a path upwards', '../p.mjs', (cwd: string) => write(cwd, 'p.mjs', MODULE())],
    ['an ES module', '@acme/p', packaged('@acme/p', { type: 'module', main: 'p.js' }, { 'p.js': MODULE() })],
    [
      'exports for import alone',
      'imsvault-p',
      packaged('imsvault-p', { type: 'module', exports: { import: './p.js' } }, { 'p.js': MODULE() }),
    ],
    [
      'exports below "."',
      'imsvault-p',
      packaged(
        'imsvault-p',
        { type: 'module', exports: { '.': { types: './p.d.ts', import: { default: './p.js' } } } },
        { 'p.js': MODULE() },
      ),
    ],
    [
      'exports for Node alone, of which the first condition leads nowhere',
      'imsvault-p',
      packaged(
        'imsvault-p',
        { type: 'module', exports: { node: { browser: './b.js' }, 'module-sync': { import: './p.js' } } },
        { 'p.js': MODULE() },
      ),
    ],
    [
      'exports below "node"',
      'imsvault-p',
      packaged('imsvault-p', { type: 'module', exports: { node: { import: './p.js' } } }, { 'p.js': MODULE() }),
    ],
    [
      'a package beside the config',
      'p',
      async (cwd: string) => {
        await write(cwd, 'sub/node_modules/p/package.json', '{"name": "p", "main": "p.mjs"}');
        await write(cwd, 'sub/node_modules/p/p.mjs', MODULE());
      },
    ],
    [
      'a default export in a default export, as some compilers write it',
      './p.mjs',
      (cwd: string) =>
        write(
          cwd,
          'sub/p.mjs',
          `${MODULE().replace('export default', 'const made =')}\nexport default { default: made };`,
        ),
    ],
    [
      'CommonJS',
      'p',
      packaged('p', { main: 'p.cjs' }, { 'p.cjs': MODULE().replace('export default', 'module.exports =') }),
    ],
    [
      'CommonJS made from ESM',
      'p',
      packaged(
        'p',
        { main: 'p.cjs' },
        { 'p.cjs': MODULE().replace('export default', 'exports.__esModule = true; exports.default =') },
      ),
    ],
  ])('is found as %s', async (_what, name, prepare) => {
    const profile = await load(name, 'place: good, entry: e, timeout: 2s', prepare);
    expect(profile.credentials).toMatchObject({
      provider: name,
      module: { name: 'x' },
      ref: { entry: 'e' },
      connection: { place: 'good', added: true },
      timeoutMs: 2000,
    });
  });

  const BUILT_IN =
    'Built in are env, file, vault, aws-secrets-manager, azure-key-vault, chain; install any other package yourself, if you trust it.';
  it.each([
    ['@acme/none', 'Run: npm install @acme/none'],
    ['valut', `Did you mean "vault"? ${BUILT_IN}`],
    ['chian', `Did you mean "chain"? ${BUILT_IN}`],
    ['openbao', `Did you mean "vault"? ${BUILT_IN}`],
    ['aws', `Did you mean "aws-secrets-manager"? ${BUILT_IN}`],
    ['something-else', BUILT_IN],
    ['imsvault-provider-x', 'Run: npm install imsvault-provider-x'],
    [
      '@azure/key-vault',
      'Did you mean "azure-key-vault"? Else, if you know this package: Run: npm install @azure/key-vault',
    ],
  ])('that is not installed: %s', async (name, hint) => {
    await expect(load(name)).rejects.toMatchObject({
      code: 'ERR_PROVIDER_NOT_INSTALLED',
      message: expect.stringContaining(`the provider "${name}" is neither built in nor installed`),
      hint,
    });
  });

  it.each([
    ['another name alone', { './other': './p.js' }],
    ['nobody', { import: null }],
  ])('that is exported for %s', async (_what, exports) => {
    const prepare = packaged('imsvault-p', { type: 'module', exports }, { 'p.js': MODULE() });
    const error = await failure(load('imsvault-p', undefined, prepare));
    expect(error.message).toContain('the module "imsvault-p" exports nothing that can be imported by this name');
  });

  it('whose file is not there', async () => {
    const error = (await load('./none.mjs').catch((reason: unknown) => reason)) as ImsvaultError;
    expect(error.code).toBe('ERR_PROVIDER_NOT_INSTALLED');
    expect(error.message).toContain('there is no module');
    expect(error.hint).toBe('Check the path; it starts at the config file.');
  });

  it.each([
    ['export const a = 1;', 'no default export'],
    ['export default 5;', 'no default export'],
    ['export default null;', 'no default export'],
    [MODULE().replace("name: 'x',", ''), 'must export a "name"'],
    [MODULE("name: '',"), 'must export a "name"'],
    [MODULE('options: {},'), 'Standard Schema'],
    [MODULE('options: undefined,'), 'Standard Schema'],
    [MODULE("refOptions: ['entry', 5],"), '"refOptions"'],
    [MODULE('refOptions: undefined,'), '"refOptions"'],
    [MODULE('createProvider: undefined,'), '"createProvider"'],
    ['throw new RangeError("hvs.leak");', 'could not be loaded (RangeError)'],
    ['import "not-there"; export default {};', 'could not be loaded (ERR_MODULE_NOT_FOUND)'],
    ['syntax error hvs.leak', 'could not be loaded'],
  ])('that is none: %s', async (text, message) => {
    const error = await failure(load('./p.mjs', 'place: good', (cwd) => write(cwd, 'sub/p.mjs', text)));
    expect(error.problems[0]).toMatchObject({ path: 'credentials.provider' });
    expect(error.message).toContain(message);
    expectNoSecrets(error, ['hvs.leak']);
  });

  it('validates its options by its own schema; its words are shown without values', async () => {
    const error = await failure(load('./p.mjs', 'place: S3cretPlace', (cwd) => write(cwd, 'sub/p.mjs', MODULE())));
    expect(error.problems).toEqual([
      expect.objectContaining({ path: 'credentials.place', message: 'place must be good, not [value]' }),
    ]);
    expectNoSecrets(error, ['S3cretPlace']);
  });

  it.each([
    [
      'has a fault itself',
      'throw new Error(value.entry)',
      'credentials',
      "the module's schema failed on these options",
    ],
    ['gives no object', 'return { value: 5 }', 'credentials', "the module's schema must give an object"],
    [
      'names a place by objects',
      "return { issues: [{ message: 'm', path: [{ key: 'a' }, 0, 'b'] }] }",
      'credentials.a.0.b',
      'm',
    ],
    ['names no place', "return { issues: [{ message: 'm' }] }", 'credentials', 'm'],
    [
      'repeats values, one of which is a part of another',
      'return { issues: [{ message: `${value.entry} ${value.list[0].text} ${value.place} ${value.short}` }] }',
      'credentials',
      '[value] [value] [value] ab',
    ],
    ['says very much', "return { issues: [{ message: 'm'.repeat(400) }] }", 'credentials', 'm'.repeat(300)],
  ])('whose schema %s is told so without its words', async (_what, body, path, message) => {
    const text = `${MODULE().replace('const validate', 'const unused')}`.replace(
      /validate }/,
      `validate: (value) => { ${body}; } }`,
    );
    const options = 'place: Secret, entry: SecretLonger, short: ab, none: null, list: [{ text: SecretLongest }]';
    const error = await failure(load('./p.mjs', options, (cwd) => write(cwd, 'sub/p.mjs', text)));
    expect(error.problems).toEqual([expect.objectContaining({ path, message })]);
  });

  it('has what may be a secret hidden by config show', async () => {
    const options =
      'place: good, entry: e, pin: "x${PIN}", apiToken: "${TOKEN}", key: literal, tokens: [a], pins: [b, "${PIN}"]';
    const profile = await load('./p.mjs', options, (cwd) => write(cwd, 'sub/p.mjs', MODULE()));
    expect(profile.redacted()).toMatchObject({
      credentials: {
        place: 'good',
        entry: 'e',
        pin: '[redacted]',
        apiToken: '[redacted]',
        key: '[redacted]',
        tokens: ['[redacted]'],
        pins: ['b', '[redacted]'],
      },
    });
  });

  it('has what it shows free of logins in URLs', async () => {
    const options =
      'place: good, entry: "https://u:hvs.login@h.example/a@b", keyring: [a, b], deep: { monkey: c, d: e }';
    const profile = await load('./p.mjs', options, (cwd) => write(cwd, 'sub/p.mjs', MODULE()));
    expect(profile.redacted()).toMatchObject({
      credentials: {
        entry: 'https://[redacted]@h.example/a@b',
        keyring: ['a', 'b'],
        deep: { monkey: '[redacted]', d: 'e' },
      },
    });
  });

  it('is loaded for a program that names it, and not where a variable alone does', async () => {
    const cwd = await tempFolder();
    await write(cwd, 'p.mjs', MODULE());
    const config = { credentials: { provider: './p.mjs', place: 'good' } };
    const profile = await loadProfile({ config, env: {}, cwd, home: cwd });
    expect(profile.credentials).toMatchObject({ provider: './p.mjs', module: { name: 'x' } });
    const env = { IMSVAULT_CREDENTIALS_PROVIDER: './p.mjs' };
    const error = await failure(loadProfile({ env, cwd, home: cwd }));
    expect(error.message).toContain('because its code would run');
  });

  it('of which two are not installed is told of by the first', async () => {
    const cwd = await tempFolder();
    const config = {
      credentials: { provider: 'chain', providers: [{ provider: 'imsvault-one' }, { provider: 'imsvault-two' }] },
    };
    await expect(loadProfile({ config, env: {}, cwd, home: cwd })).rejects.toMatchObject({
      code: 'ERR_PROVIDER_NOT_INSTALLED',
      message: expect.stringContaining('imsvault-one'),
    });
  });

  it('lets no error of its own out', async () => {
    const profile = await load('./p.mjs', undefined, (cwd) => write(cwd, 'sub/p.mjs', MODULE()));
    if (profile.credentials === undefined) throw new Error('no credentials');
    const deps = { clock: createManualClock(), random: () => 0, env: {}, proxy: {}, warn: () => undefined };
    const pool = createSharedProviders(deps).lease(profile.baseDir);
    const source = openCredentialSource(profile.credentials, deps, pool);
    const error = (await source.readCredential().catch((reason: unknown) => reason)) as ImsvaultError;
    expect(error).toBeInstanceOf(ImsvaultError);
    expect(error.code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(error.retryable).toBe(false);
    expectNoSecrets(error, ['hvs.leak']);
  });
});

it.each([
  ['./p.mjs', true],
  ['../p.mjs', true],
  ['~/p.mjs', true],
  ['/p.mjs', true],
  ['C:\\p.mjs', true],
  ['d:/p.mjs', true],
  ['p', true],
  ['p/sub/file.js', true],
  ['@acme/p', true],
  ['@acme/p/file.js', true],
  ['', false],
  ['@acme', false],
  ['!p', false],
  ['p!', false],
  ['p/', false],
  ['p/a b', false],
  ['.p', false],
  ['node:fs', false],
])('%j can name a module: %s', (name, expected) => {
  expect(isModuleName(name)).toBe(expected);
});

it.each(['nope', 'constructor'])('nothing is built in by the name %s', async (name) => {
  expect(await loadBuiltIn(name)).toBeUndefined();
});

describe('examples/custom-provider', () => {
  const folder = fileURLToPath(new URL('../../examples/custom-provider', import.meta.url));

  async function read(env: Record<string, string>, set: string[] = []) {
    const profile = await loadProfile({
      configPath: join(folder, 'imsvault.config.yaml'),
      env,
      set,
      cwd: folder,
      home: folder,
    });
    if (profile.credentials === undefined) throw new Error('no credentials');
    const deps = { clock: createManualClock(), random: () => 0, env, proxy: {}, warn: () => undefined };
    const pool = createSharedProviders(deps).lease(profile.baseDir);
    return openCredentialSource(profile.credentials, deps, pool).readCredential();
  }

  it('reads a credential', async () => {
    const { credential, version, provider } = await read({});
    expect(credential.clientId).toBe('example-client-id');
    expect(reveal(credential.clientSecrets[0])).toBe('example-value-not-a-secret');
    expect(version.id).toBe('1');
    expect(provider).toBe('json-file');
  });

  it.each([
    ['there is no such entry', {}, ['credentials.entry=team-b'], 'ERR_SECRET_NOT_FOUND'],
    ['there is no file', { CREDENTIALS_FILE: 'none.json' }, [], 'ERR_PROVIDER_NOT_CONFIGURED'],
    ['the file is no JSON', { CREDENTIALS_FILE: 'README.md' }, [], 'ERR_SECRET_MALFORMED'],
    ['an option is missing', {}, ['credentials.file='], 'ERR_CONFIG_INVALID'],
    ['an option is unknown', {}, ['credentials.nope=1'], 'ERR_CONFIG_INVALID'],
  ])('tells when %s', async (_what, env, set, code) => {
    await expect(read(env, set)).rejects.toMatchObject({ code });
  });

  it('is refused as a file found by search', async () => {
    const file = join(folder, 'imsvault.config.yaml');
    await chmod(file, 0o644);
    const error = await failure(loadProfile({ env: {}, cwd: folder, home: folder }));
    expect(error.message).toContain('--config or IMSVAULT_CONFIG');
  });
});
