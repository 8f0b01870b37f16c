import { readFileSync, statSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ImsvaultError } from '../../src/errors.js';
import type { Ask } from '../../src/init/answers.js';
import { type FakeVault, startFakeVault } from '../providers/vault/fake-vault.js';
import { CLIENT_ID, CLIENT_SECRET, run, workspace } from './support.js';

const FILE = 'imsvault.config.yaml';
let vault: FakeVault;
let cwd: string;
beforeEach(async () => {
  vault = await startFakeVault();
  vault.kv1.set('ims/fusion', { client_id: CLIENT_ID, client_secret: CLIENT_SECRET });
  cwd = await workspace();
  await writeFile(join(cwd, 'secret-id'), `${vault.secretId}\n`, { mode: 0o600 });
});
afterEach(() => vault.close());

const KV1 = ['--set', 'credentials.kvVersion=1', '--mount', 'kv1'];
const flags = () => [
  ...['init', '--provider', 'vault', '--address', vault.address, '--path', 'ims/fusion', ...KV1],
  ...['--auth', 'approle', '--role-id', vault.roleId, '--secret-id-file', 'secret-id'],
];
const written = () => readFileSync(join(cwd, FILE), 'utf8');

describe('imsvault init with flags', () => {
  it('tries the store, writes what works, and says what to allow and what to do next', async () => {
    const { code, stdout, stderr } = await run(flags(), { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('✓ vault: shape');
    expect(stdout).toContain('path "kv1/ims/fusion" { capabilities = ["read"] }');
    expect(stdout).toContain(`imsvault doctor --config ${FILE}`);
    expect(parse(written())).toEqual({
      credentials: {
        provider: 'vault',
        address: vault.address,
        mount: 'kv1',
        path: 'ims/fusion',
        auth: { method: 'approle', roleId: vault.roleId, secretIdFile: 'secret-id' },
        kvVersion: 1,
      },
    });
    expect(written()).toMatch(/^# yaml-language-server: /);
    expect(written()).toMatch(/^ {2}# [A-Z][^\n]+\n {2}address: http/m);
    expect(written()).not.toContain(vault.secretId);
    if (process.platform !== 'win32') expect(statSync(join(cwd, FILE)).mode & 0o777).toBe(0o644);
    expect((await run(['config', 'validate', '-c', FILE], { cwd })).code).toBe(0);
  });

  it('with --token-store shows both policies, and writes the same login for the shared token', async () => {
    const { code, stdout } = await run([...flags(), '--token-store', 'ims/token'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /renews tokens[\s\S]+kv1\/ims\/token[\s\S]+only uses the shared token[\s\S]+kv1\/ims\/token/,
    );
    const { credentials, tokenStore } = parse(written());
    expect(tokenStore).toEqual({ ...credentials, path: 'ims/token' });
    expect(written()).not.toMatch(/[&*]/);
    expect(vault.requests.filter(({ path }) => path.includes('ims/token'))).toEqual([]);
  });

  it('writes nothing when the store says no, and shows the policy all the same; --no-check writes', async () => {
    vault.deniedPaths.add('kv1/ims/fusion');
    const { code, stdout } = await run(flags(), { cwd });
    expect(code).toBe(3);
    expect(stdout).toMatch(/✗ vault: read[\s\S]+path "kv1\/ims\/fusion"[\s\S]+Nothing was written/);
    expect(await readdir(cwd)).not.toContain(FILE);
    const before = vault.requests.length;
    expect((await run([...flags(), '--no-check'], { cwd })).code).toBe(0);
    expect(vault.requests.length).toBe(before);
    expect(await readdir(cwd)).toContain(FILE);
  });

  it('never replaces a file, unless --force', async () => {
    await writeFile(join(cwd, FILE), 'mine');
    const { code, stderr } = await run(flags(), { cwd });
    expect({ code, requests: vault.requests.length }).toEqual({ code: 2, requests: 0 });
    expect(stderr).toContain(`${FILE} is there already`);
    expect(written()).toBe('mine');
    expect((await run([...flags(), '--force'], { cwd })).code).toBe(0);
    expect(parse(written()).credentials.provider).toBe('vault');
    expect((await run([...flags(), '--no-check', '--output', 'no/x.yaml'], { cwd })).stderr).toContain(
      'cannot be written (ENOENT)',
    );
  });

  it('writes YAML under no name that imsvault would read otherwise', async () => {
    for (const name of ['x.json', 'x.mjs', 'x']) {
      const { code, stderr } = await run([...flags(), '--output', name], { cwd });
      expect(code).toBe(2);
      expect(stderr).toContain('--output: the config is YAML; name a file that ends in .yaml');
    }
    expect(await readdir(cwd)).toEqual(['.git', 'secret-id']);
    expect(vault.requests).toEqual([]);
  });

  it('names the flag of a value that cannot be used', async () => {
    const args = ['init', '--provider', 'vault', '--address', 'no address', '--path', 'x', '--auth', 'token'];
    const { code, stderr } = await run([...args, '--set', 'ims.timeout=soon'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ {2}--address: [^\n]+[^)]$/m);
    expect(stderr).toMatch(/^ {2}ims\.timeout: [^\n]+[^)]$/m);
    expect(stderr).not.toMatch(/credentials\.|\(code\)/);
  });

  it('names everything that is missing, and asks nothing', async () => {
    expect((await run(['init'], { cwd })).stderr).toContain('--provider: must be one of aws-secrets-manager, vault,');
    const vaultAlone = await run(['init', '--provider', 'vault'], { cwd });
    for (const flag of ['--address', '--path', '--auth']) expect(vaultAlone.stderr).toContain(`${flag}: is required`);
    const approle = ['init', '--provider', 'vault', '--path', 'a', '--auth', 'approle'];
    const { code, stderr } = await run(approle, { cwd, env: { VAULT_ADDR: vault.address } });
    expect(code).toBe(2);
    for (const flag of ['--role-id', '--secret-id-file']) expect(stderr).toContain(`${flag}: is required`);
    expect(stderr).not.toContain('--address');
    expect(await readdir(cwd)).not.toContain(FILE);
  });

  it.each([
    [['--vault-url', 'https://v.vault.azure.net'], '--vault-url: does not belong to vault'],
    [['--token-store', 'ims/fusion'], '--token-store: must not name the secret with the credential'],
    [['--set', 'credentials.auth.secretId=s3cr3t'], 'a secret must not stand in a command line'],
    [['--set', 'credentials.nonsense=1'], 'credentials.nonsense: unknown option'],
  ])('refuses %j', async (more, message) => {
    const { code, stderr } = await run([...flags(), ...more], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('s3cr3t');
    expect(await readdir(cwd)).not.toContain(FILE);
  });

  it('with the environment as the store there is nothing to ask, and nothing to share', async () => {
    const env = { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET };
    expect((await run(['init', '--provider', 'env', '--token-store', 'x'], { cwd, env })).stderr).toContain(
      'cannot hold a token',
    );
    expect((await run(['init', '--provider', 'env'], { cwd, env })).code).toBe(0);
    expect(parse(written())).toEqual({ credentials: { provider: 'env' } });
    expect(written()).not.toContain(CLIENT_SECRET);
  });
});

describe('imsvault init on a terminal', () => {
  /** Answers by a part of the question; a question without an answer ends the test. */
  function answering(answers: Record<string, string>) {
    const asked: string[] = [];
    const answer = (message: string) => {
      asked.push(message);
      const found = Object.entries(answers).find(([part]) => message.includes(part));
      if (found === undefined) throw new ImsvaultError('ERR_ABORTED', `no answer to ${message}`);
      return found[1];
    };
    const ask: Ask = { choose: async (message) => answer(message), text: async (message) => answer(message) };
    return { ask, asked };
  }

  it('asks what the flags leave open, and only what belongs to the answers', async () => {
    const { ask, asked } = answering({
      'client secret?': 'vault',
      Address: vault.address,
      Mount: 'kv1',
      Login: 'approle',
      'Role id': vault.roleId,
      'secret id': 'secret-id',
      Share: '',
    });
    const given = ['init', '--path', 'ims/fusion', '--set', 'credentials.kvVersion=1'];
    const { code } = await run(given, { cwd, ask });
    expect(code).toBe(0);
    expect(asked).toHaveLength(7);
    expect(parse(written())).not.toHaveProperty('tokenStore');
  });

  it('writes nothing when they have enough, and asks nothing with --yes', async () => {
    const { ask, asked } = answering({ 'client secret?': 'vault' });
    expect((await run(['init'], { cwd, ask })).code).toBe(130);
    expect(await readdir(cwd)).not.toContain(FILE);
    const before = asked.length;
    expect((await run(['init', '--yes'], { cwd, ask })).code).toBe(2);
    expect(asked.length).toBe(before);
  });
});
