import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/config/load.js';
import { openCredentialSource } from '../../src/config/open.js';
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

  it.each([
    ['@acme/none', 'npm install @acme/none', undefined],
    ['valut', 'Built in are', 'Did you mean "vault"?'],
    ['openbao', 'Built in are', 'Did you mean "vault"?'],
    ['aws', 'Built in are', 'Did you mean "aws-secrets-manager"?'],
    ['imsvault-provider-x', 'npm install imsvault-provider-x', undefined],
  ])('that is not installed: %s', async (name, install, meant) => {
    const error = (await load(name).catch((reason: unknown) => reason)) as ImsvaultError;
    expect(error.code).toBe('ERR_PROVIDER_NOT_INSTALLED');
    expect(error.hint).toContain(install);
    if (meant === undefined) expect(error.hint).not.toContain('Did you mean');
    else expect(error.hint).toContain(meant);
  });

  it('whose file is not there', async () => {
    const error = (await load('./none.mjs').catch((reason: unknown) => reason)) as ImsvaultError;
    expect(error.code).toBe('ERR_PROVIDER_NOT_INSTALLED');
    expect(error.message).toContain('there is no module');
  });

  it.each([
    ['export const a = 1;', 'no default export'],
    ['export default 5;', 'no default export'],
    [MODULE().replace("name: 'x',", ''), 'must export a "name"'],
    [MODULE('options: {},'), 'Standard Schema'],
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

  it('has what may be a secret hidden by config show', async () => {
    const options = 'place: good, entry: e, pin: "x${PIN}", apiToken: "${TOKEN}", key: literal';
    const profile = await load('./p.mjs', options, (cwd) => write(cwd, 'sub/p.mjs', MODULE()));
    expect(profile.redacted()).toMatchObject({
      credentials: { place: 'good', entry: 'e', pin: '[redacted]', apiToken: '[redacted]', key: '[redacted]' },
    });
  });

  it('lets no error of its own out', async () => {
    const profile = await load('./p.mjs', undefined, (cwd) => write(cwd, 'sub/p.mjs', MODULE()));
    if (profile.credentials === undefined) throw new Error('no credentials');
    const source = openCredentialSource(profile.credentials, {
      clock: createManualClock(),
      random: () => 0,
      env: {},
      baseDir: profile.baseDir,
      proxy: {},
      warn: () => undefined,
    });
    const error = (await source.readCredential().catch((reason: unknown) => reason)) as ImsvaultError;
    expect(error).toBeInstanceOf(ImsvaultError);
    expect(error.code).toBe('ERR_SECRET_UNAVAILABLE');
    expect(error.retryable).toBe(false);
    expectNoSecrets(error, ['hvs.leak']);
  });
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
    const deps = {
      clock: createManualClock(),
      random: () => 0,
      env,
      baseDir: profile.baseDir,
      proxy: {},
      warn: () => undefined,
    };
    return openCredentialSource(profile.credentials, deps).readCredential();
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
