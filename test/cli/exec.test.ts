import { readdirSync, readFileSync, statSync } from 'node:fs';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tempFolder } from '../config/support.js';
import { jwt } from '../support/fake-token.js';
import { expectNoSecrets } from '../support/leaks.js';
import { until } from '../testing/over-http.js';
import { buildProgram, type Program, type StartOptions } from './program.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, workspace } from './support.js';

let program: Program;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

/** A child in JavaScript. `say` writes a line to its stdout. */
const child = (script: string) => [
  '--',
  process.execPath,
  '-e',
  `const { readFileSync } = require('node:fs');
const say = (text) => process.stdout.write(text + '\\n');
${script}`,
];
/** Of a token of IMS. */
const IMS_CLAIMS = { client_id: CLIENT_ID, created_at: '1700000000000', expires_in: '86399000' };
const STAYS = 'setInterval(() => {}, 1000);';

async function exec(args: readonly string[], options: StartOptions = {}) {
  return (await program.start(['exec', ...args], options)).ended;
}

describe('imsvault exec', () => {
  it('gives the token by FUSION_ACCESS_TOKEN, and passes stdin, stdout, stderr and the exit code on', async () => {
    const { emulator, env } = await emulated();
    const script = `process.stderr.write('warned'); say(process.env.FUSION_ACCESS_TOKEN + readFileSync(0)); process.exit(42);`;
    const end = await exec(child(script), { env, stdin: ' in' });
    expect(end).toMatchObject({ code: 42, stdout: `${emulator.issuedTokens()[0]} in\n`, stderr: 'warned' });
    expect(emulator.exchanges).toBe(1);
  });

  it.skipIf(process.platform === 'win32')('takes the token of this machine’s cache', async () => {
    const { emulator, env } = await emulated();
    const cached = { ...env, IMSVAULT_CACHE: 'on', XDG_CACHE_HOME: await tempFolder() };
    const cwd = await workspace();
    const script = 'say(process.env.FUSION_ACCESS_TOKEN);';
    const first = await exec(child(script), { env: cached, cwd });
    expect(await exec(child(script), { env: cached, cwd })).toEqual(first);
    expect(first.stdout).toBe(`${emulator.issuedTokens()[0]}\n`);
    expect(emulator.exchanges).toBe(1);
  });

  it('takes the names of the variables', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 3600 });
    const names = ['--env', 'A', '--env', 'B', '--env-expires', 'UNTIL', '--env-client-id', 'ID'];
    const script =
      'const { A, B, UNTIL, ID, FUSION_ACCESS_TOKEN } = process.env; say(JSON.stringify({ A, B, UNTIL, ID, FUSION_ACCESS_TOKEN }));';
    const { code, stdout } = await exec([...names, ...child(script)], { env });
    const token = emulator.issuedTokens()[0];
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ A: token, B: token, UNTIL: expect.stringMatching(/T.*Z$/), ID: CLIENT_ID });
    expect(Date.parse(JSON.parse(stdout).UNTIL) - Date.now()).toBeGreaterThan(3_500_000);
  });

  it('takes no variable for two things', async () => {
    const named = (...args: string[]) => exec([...args, ...child('')]);
    for (const args of [
      ['--env', 'A', '--env-expires', 'A'],
      ['--env-expires', 'A', '--env-client-id', 'A'],
      ['--env-client-id', 'FUSION_ACCESS_TOKEN'],
    ]) {
      const { code, stderr } = await named(...args);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `imsvault: ERR_CONFIG_INVALID: the variable ${args.at(-1)} is named for two things, and can hold one.\n`,
      });
    }
  });

  it('passes every word behind -- on, also those that look like its own options', async () => {
    const { env } = await emulated();
    const script = 'say(JSON.stringify(process.argv.slice(1)));';
    const words = ['--', '-c', 'x', '--debug', '-o', 'json', ''];
    const { code, stdout } = await exec([...child(script), ...words], { env });
    expect({ code, words: JSON.parse(stdout) }).toEqual({ code: 0, words: words.slice(1) });
  });

  it.runIf(process.platform === 'linux')(
    'shows the token in no command line, and keeps logins from the child',
    async () => {
      const { emulator, env } = await emulated();
      const cwd = await workspace();
      const config = `credentials:
  provider: chain
  providers:
    - { provider: vault, path: a, address: 'https://127.0.0.1:1', auth: { method: approle, roleId: r, secretId: '\${MY_SECRET_ID}' }, timeout: 100ms }
    - { provider: env, clientSecret: MY_CLIENT_SECRET, clientId: MY_CLIENT_ID }
`;
      await writeFile(join(cwd, 'c.yaml'), config);
      const logins = {
        VAULT_TOKEN: 'login-1',
        BAO_TOKEN: 'login-2',
        AWS_SECRET_ACCESS_KEY: 'login-3',
        AWS_SESSION_TOKEN: 'login-4',
        AZURE_CLIENT_SECRET: 'login-5',
        AZURE_CLIENT_CERTIFICATE_PASSWORD: 'login-6',
        MY_SECRET_ID: 'login-7',
        IMSVAULT_CREDENTIALS_PROVIDERS_1_AUTH_TOKEN: 'login-8',
        MY_CLIENT_SECRET: CLIENT_SECRET,
      };
      const harmless = { MY_CLIENT_ID: CLIENT_ID, OTHER: 'stays', AWS_REGION: 'eu-west-1', VAULT_ADDR: 'https://v' };
      const given = { env: { ...env, ...logins, ...harmless }, cwd };
      const script =
        'say(JSON.stringify({ env: readFileSync("/proc/self/environ", "utf8"), cmd: readFileSync("/proc/self/cmdline", "utf8"), parent: readFileSync(`/proc/${process.ppid}/cmdline`, "utf8") }));';
      // The chain's first link is not reached in this test: the second alone has the credential.
      const set = [
        '-c',
        'c.yaml',
        '--set',
        'credentials.provider=env',
        '--set',
        'credentials.clientSecret=MY_CLIENT_SECRET',
      ];
      const all = [...set, '--set', 'credentials.clientId=MY_CLIENT_ID'];
      const { code, stdout, stderr } = await exec([...all, ...child(script)], given);
      expect({ code, stderr: stderr.includes('ERR_') }).toEqual({ code: 0, stderr: false });
      const seen = JSON.parse(stdout) as { env: string; cmd: string; parent: string };
      const token = emulator.issuedTokens()[0] as string;
      expectNoSecrets(`${seen.cmd}${seen.parent}`, [token, CLIENT_SECRET, ...Object.values(logins)]);
      expect(seen.env).toContain(`FUSION_ACCESS_TOKEN=${token}`);
      expectNoSecrets(seen.env, Object.values(logins));
      for (const [name, value] of Object.entries(harmless)) expect(seen.env).toContain(`${name}=${value}`);

      const one = JSON.parse((await exec([...all, '--keep-env', 'VAULT_TOKEN', ...child(script)], given)).stdout);
      expect(one.env).toContain('VAULT_TOKEN=login-1');
      expect(one.env).not.toContain('login-2');
      const every = JSON.parse((await exec([...all, '--keep-env', ...child(script)], given)).stdout);
      for (const value of Object.values(logins)) expect(every.env).toContain(value);
    },
  );

  it('renews nothing for a child that could not see it', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 2 });
    expect(await exec(child('setTimeout(() => {}, 3000);'), { env })).toMatchObject({ code: 0, stderr: '' });
    expect(emulator.exchanges).toBe(1);
  }, 20_000);

  it('says 127 for a program that is not there, 126 for one that cannot run', async () => {
    const { env } = await emulated();
    expect(await exec(['--', 'no-such-program-of-mine'], { env })).toMatchObject({
      code: 127,
      stderr: expect.stringMatching(/^imsvault: ERR_CONFIG_INVALID: no-such-program-of-mine: was not found[^\n]*\n$/),
    });
    const cwd = await workspace();
    await writeFile(join(cwd, 'data'), 'data', { mode: 0o644 });
    expect(await exec(['--', './data'], { env, cwd })).toMatchObject({
      code: process.platform === 'win32' ? 127 : 126,
    });
  });

  it('starts nothing without a token, and asks for none when it does not know what to start', async () => {
    const { emulator, env } = await emulated();
    for (const args of [[], ['node'], ['node', '--', 'x'], ['--']]) {
      expect(await exec(args, { env })).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('write -- and then'),
      });
    }
    const wrong = ['--env', 'A=b', '--on-renew', 'signal=NOPE', '--kill-after', 'soon', ...child('')];
    const { code, stderr } = await exec(wrong, { env });
    expect(code).toBe(2);
    for (const option of ['--env', '--on-renew', '--kill-after']) expect(stderr).toContain(`${option}: `);
    expect(emulator.exchanges).toBe(0);

    emulator.setClientSecrets(CLIENT_ID, ['another']);
    expect(await exec(child(`say('ran')`), { env })).toMatchObject({ code: 4, stdout: '' });
  });
});

describe('a token file', () => {
  const script = `
const file = process.env.TOKEN_FILE;
const seen = new Set();
const look = () => { const token = readFileSync(file, 'utf8'); if (!seen.has(token)) { seen.add(token); say(token); } if (seen.size === 2) process.exit(0); };
look(); setInterval(look, 5);`;

  it('is private, complete, renewed, and gone at the end', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 3 });
    const runtime = await tempFolder();
    const started = await program.start(['exec', '--token-file-env', 'TOKEN_FILE', ...child(script)], {
      env: { ...env, XDG_RUNTIME_DIR: runtime },
    });
    await until(() => started.output.stdout !== '' || started.child.exitCode !== null);
    const [folder = ''] = readdirSync(runtime);
    if (process.platform !== 'win32') {
      expect(statSync(join(runtime, folder)).mode & 0o777).toBe(0o700);
      expect(statSync(join(runtime, folder, 'token')).mode & 0o777).toBe(0o600);
    }
    const { code, stdout, stderr } = await started.ended;
    expect({ code, stderr, tokens: stdout.trim().split('\n') }).toEqual({
      code: 0,
      stderr: '',
      tokens: emulator.issuedTokens().slice(0, 2),
    });
    expect(readdirSync(runtime)).toEqual([]);
  }, 20_000);

  it('may have a name; the environment then has a token only where that is asked for', async () => {
    const { emulator, env } = await emulated();
    const cwd = await workspace();
    const look = `say(JSON.stringify([readFileSync('t', 'utf8'), process.env.T ?? '', process.env.FUSION_ACCESS_TOKEN ?? '']));`;
    const { stdout } = await exec(['--token-file', 't', ...child(look)], { env, cwd });
    expect(JSON.parse(stdout)).toEqual([emulator.issuedTokens()[0], '', '']);
    const both = await exec(
      ['--token-file', 't', '--token-file-env', 'T', '--env', 'FUSION_ACCESS_TOKEN', ...child(look)],
      { env, cwd },
    );
    const token = emulator.issuedTokens()[1];
    expect(JSON.parse(both.stdout)).toEqual([token, join(cwd, 't'), token]);
    expect(readdirSync(cwd)).toEqual(['.git']);
    expect(await exec(['--token-file', '.', ...child(look)], { env, cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--token-file'),
    });
    await writeFile(join(cwd, 'mine'), 'kept');
    const wrong = { ...env, FUSION_CLIENT_SECRET: 'wrong' };
    expect((await exec(['--token-file', 'mine', ...child(look)], { env: wrong, cwd })).code).toBe(4);
    expect(readFileSync(join(cwd, 'mine'), 'utf8')).toBe('kept');
    expect(await exec(['--token-file', 'no/t', ...child(look)], { env, cwd })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('cannot be written (ENOENT)'),
    });
  });

  it.skipIf(process.platform === 'win32')(
    'is not written over another file, but over what a killed exec left, and over an empty one',
    async () => {
      const { emulator, env } = await emulated();
      const cwd = await workspace();
      const run = () => exec(['--token-file', 't', ...child(`say(readFileSync('t', 'utf8'))`)], { env, cwd });
      const file = join(cwd, 't');
      const put = async (content: string, mode: number) => {
        await rm(file, { force: true });
        await writeFile(file, content, { mode });
      };
      const refused = async () => {
        expect(await run()).toMatchObject({
          code: 2,
          stdout: '',
          stderr: expect.stringMatching(/ERR_CONFIG_INVALID: --token-file: \S+\/t is there already/),
        });
      };
      for (const other of ['important', CLIENT_SECRET, jwt({ sub: 'a service' }), `${jwt(IMS_CLAIMS)}\n`]) {
        await put(other, 0o600);
        await refused();
        expect(readFileSync(file, 'utf8')).toBe(other);
      }
      await put(jwt(IMS_CLAIMS), 0o644);
      await refused();
      await rm(file);
      await symlink('elsewhere', file);
      await refused();

      for (const left of [jwt(IMS_CLAIMS), '']) {
        await put(left, 0o600);
        expect(await run()).toMatchObject({ code: 0, stdout: `${emulator.issuedTokens().at(-1)}\n`, stderr: '' });
        expect(readdirSync(cwd)).toEqual(['.git']);
      }
      const args = [
        'exec',
        '--token-file',
        't',
        ...child(
          `say('up'); const parent = process.ppid; setInterval(() => process.ppid === parent || process.exit(), 20);`,
        ),
      ];
      const killed = await program.start(args, { env, cwd });
      await until(() => killed.output.stdout !== '');
      killed.child.kill('SIGKILL');
      await killed.ended;
      expect(readFileSync(file, 'utf8')).toBe(emulator.issuedTokens().at(-1));
      expect((await run()).code).toBe(0);
    },
  );

  it('says which option a private folder is of that cannot be made', async () => {
    const { env } = await emulated();
    const options = { env: { ...env, XDG_RUNTIME_DIR: join(await tempFolder(), 'gone') } };
    const { code, stderr } = await exec(['--token-file-env', 'T', ...child('')], options);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--token-file-env: \S+ cannot be written \(ENOENT\)\. XDG_RUNTIME_DIR/);
  });

  it('stays as it is when a renewal fails: a warning, and the child goes on', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 3 });
    const cwd = await workspace();
    const started = await program.start(['exec', '--token-file', 't', ...child(`say('up'); ${STAYS}`)], { env, cwd });
    await until(() => started.output.stdout !== '' || started.child.exitCode !== null);
    emulator.fail({ kind: 'response', status: 503 });
    await until(() => started.output.stderr !== '' || started.child.exitCode !== null);
    expect(readFileSync(join(cwd, 't'), 'utf8')).toBe(emulator.issuedTokens()[0]);
    expect(started.child.exitCode).toBeNull();
    started.child.kill('SIGTERM');
    const { code, stderr } = await started.ended;
    expect(code).toBe(143);
    expect(stderr).toMatch(/^imsvault: warning: the token is not renewed: [^\n]+; next try at [^\n]+Z\n/);
  }, 20_000);
});

/** Makes removing slow. */
const SLOW_REMOVAL = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { rm } = fs.promises;
fs.promises.rm = async (...args) => {
  process.stderr.write('removing\\n');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await rm(...args);
};
syncBuiltinESMExports();
`;

describe.skipIf(process.platform === 'win32')('signals', () => {
  const ECHO = `for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH']) process.on(name, () => say(name)); say('up'); ${STAYS}`;
  const lines = (text: string) => text.trim().split('\n');

  async function up(args: readonly string[], options: StartOptions) {
    const started = await program.start(['exec', ...args], options);
    const says = (line: string, times = 1) =>
      until(
        () =>
          lines(started.output.stdout).filter((said) => said === line).length >= times ||
          started.child.exitCode !== null,
      );
    await says('up');
    return { ...started, says };
  }

  it('are passed on once each; SIGKILL comes only after a second SIGTERM', async () => {
    const { env } = await emulated();
    const { child: us, says, output, ended } = await up(['--kill-after', '200ms', ...child(ECHO)], { env });
    for (const name of [
      'SIGINT',
      'SIGHUP',
      'SIGQUIT',
      'SIGUSR1',
      'SIGUSR2',
      'SIGWINCH',
      'SIGINT',
      'SIGTERM',
    ] as const) {
      const before = lines(output.stdout).filter((said) => said === name).length;
      us.kill(name);
      await says(name, before + 1);
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(us.exitCode).toBeNull();
    us.kill('SIGTERM');
    const { code, stdout } = await ended;
    expect(code).toBe(137);
    expect(lines(stdout)).toEqual([
      'up',
      'SIGINT',
      'SIGHUP',
      'SIGQUIT',
      'SIGUSR1',
      'SIGUSR2',
      'SIGWINCH',
      'SIGINT',
      'SIGTERM',
      'SIGTERM',
    ]);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s ends the child by default, and us with %i', async (name, code) => {
    const { env } = await emulated();
    const started = await up(child(`say('up'); ${STAYS}`), { env });
    started.child.kill(name);
    expect(await started.ended).toMatchObject({ code, signal: null, stderr: '' });
  });

  it('that come while the token file is removed leave none of it', async () => {
    const { env } = await emulated();
    const cwd = await workspace();
    await writeFile(join(cwd, 'slow.mjs'), SLOW_REMOVAL);
    const started = await up(['--token-file', 't', ...child(`say('up'); ${STAYS}`)], {
      env: { ...env, NODE_OPTIONS: '--import ./slow.mjs' },
      cwd,
    });
    started.child.kill('SIGTERM');
    await until(() => started.output.stderr.includes('removing') || started.child.exitCode !== null);
    started.child.kill('SIGTERM');
    expect(await started.ended).toMatchObject({ code: 143, signal: null, stderr: 'removing\n' });
    expect(readdirSync(cwd)).not.toContain('t');
  });

  it('leave the exit code that the child chooses', async () => {
    const { env } = await emulated();
    const started = await up(child(`process.on('SIGTERM', () => process.exit(7)); say('up'); ${STAYS}`), { env });
    started.child.kill('SIGTERM');
    expect((await started.ended).code).toBe(7);
  });

  it('SIGTERM before there is a token ends the exchange; nothing is started', async () => {
    const { emulator, env } = await emulated();
    emulator.fail({ kind: 'hang' });
    const started = await program.start(['exec', ...child(`say('ran')`)], { env });
    await until(() => emulator.requests.length > 0);
    started.child.kill('SIGTERM');
    expect(await started.ended).toMatchObject({ code: 143, stdout: '' });
  });

  it('--on-renew signal=HUP tells the child, after the file has the new token', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 3 });
    const script = `process.on('SIGHUP', () => { say(readFileSync(process.env.T, 'utf8')); process.exit(0); }); say('up'); ${STAYS}`;
    const started = await up(['--token-file-env', 'T', '--on-renew', 'signal=HUP', ...child(script)], { env });
    const { code, stdout } = await started.ended;
    expect(code).toBe(0);
    expect(lines(stdout)).toEqual(['up', emulator.issuedTokens()[1]]);
  }, 20_000);

  it('--on-renew restart starts a new child with the new token, also when the old one will not go', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 3 });
    const script = `process.on('SIGTERM', () => say('no')); say(process.env.FUSION_ACCESS_TOKEN); say('up'); ${STAYS}`;
    const started = await up(['--on-renew', 'restart', '--kill-after', '100ms', ...child(script)], { env });
    await started.says('up', 2);
    started.child.kill('SIGTERM');
    await started.says('no', 2);
    started.child.kill('SIGTERM');
    const { code, stdout } = await started.ended;
    expect(code).toBe(137);
    const [first, second] = emulator.issuedTokens();
    expect(lines(stdout).slice(0, 5)).toEqual([first, 'up', 'no', second, 'up']);
  }, 20_000);

  it('SIGINT and SIGTERM end a restart that is under way', async () => {
    const { env } = await emulated({ expiresInSeconds: 3 });
    const script = `process.on('SIGTERM', () => say('no')); process.on('SIGINT', () => process.exit(9)); say('up'); ${STAYS}`;
    const started = await up(['--on-renew', 'restart', ...child(script)], { env });
    await started.says('no');
    started.child.kill('SIGINT');
    expect(await started.ended).toMatchObject({ code: 9, stdout: 'up\nno\n' });
  }, 20_000);

  it('an end of the child’s own choice is the end, whatever --on-renew says', async () => {
    const { env } = await emulated({ expiresInSeconds: 3 });
    expect((await exec(['--on-renew', 'restart', ...child('process.exit(3)')], { env })).code).toBe(3);
  });

  it.runIf(process.platform === 'linux')(
    'leaves no zombie and no process behind',
    async () => {
      const { env } = await emulated({ expiresInSeconds: 3 });
      const script = `say('pid ' + process.pid); say('up'); ${STAYS}`;
      const started = await up(['--on-renew', 'restart', ...child(script)], { env });
      await started.says('up', 2);
      const [old, current] = started.output.stdout.match(/(?<=pid )\d+/g) ?? [];
      const state = (pid: string | undefined) => {
        try {
          return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
        } catch {
          return 'gone';
        }
      };
      expect(state(old)).toBe('gone');
      expect(state(current)).toMatch(/[SR]/);
      started.child.kill('SIGTERM');
      await started.ended;
      expect(state(current)).toBe('gone');
    },
    20_000,
  );
});
