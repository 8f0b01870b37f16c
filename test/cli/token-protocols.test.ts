import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { AzureCliCredential } from '@azure/identity';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { tempFolder } from '../config/support.js';
import { buildProgram, type Program } from './program.js';
import { CLIENT_ID, emulated, run, workspace } from './support.js';

const isWindows = process.platform === 'win32';
let program: Program;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

describe('token --output k8s', () => {
  it('is an ExecCredential of the version that kubectl asks for', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 600 });
    const { code, stdout } = await run(['token', '-o', 'k8s'], { env });
    expect(code).toBe(0);
    const credential = JSON.parse(stdout);
    expect(credential).toEqual({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: emulator.issuedTokens()[0], expirationTimestamp: expect.stringMatching(/^[\d-]+T[\d:]+Z$/) },
    });
    const left = Date.parse(credential.status.expirationTimestamp) - Date.now();
    expect(left).toBeGreaterThan(570_000);
    expect(left).toBeLessThanOrEqual(600_000);

    const info = (apiVersion: string) =>
      JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } });
    const asked = { ...env, KUBERNETES_EXEC_INFO: info('client.authentication.k8s.io/v1beta1') };
    const older = await run(['token', '-o', 'k8s'], { env: asked });
    expect(JSON.parse(older.stdout).apiVersion).toBe('client.authentication.k8s.io/v1beta1');
    for (const KUBERNETES_EXEC_INFO of [info('client.authentication.k8s.io/v2'), 'no JSON', 'null']) {
      expect(await run(['token', '-o', 'k8s'], { env: { ...env, KUBERNETES_EXEC_INFO } })).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('KUBERNETES_EXEC_INFO: must ask for'),
      });
    }
  });
});

describe('token --output azure', () => {
  it('has the fields of the az command, in the time zone of the machine', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 600 });
    const { stdout } = await run(['token', '-o', 'azure'], { env });
    const document = JSON.parse(stdout);
    expect(document).toEqual({
      accessToken: emulator.issuedTokens()[0],
      expiresOn: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/),
      expires_on: expect.any(Number),
      tokenType: 'Bearer',
    });
    // A text without a zone is local time.
    expect(Math.floor(Date.parse(document.expiresOn) / 1000)).toBe(document.expires_on);
  });

  it.skipIf(isWindows)("is read by Microsoft's own client where it looks for az", async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 600 });
    const folder = await tempFolder();
    const exports = Object.entries(env).map(([name, value]) => `export ${name}='${value}'\n`);
    const az = join(folder, 'az');
    await writeFile(az, `#!/bin/sh\n${exports.join('')}exec '${process.execPath}' '${program.bin}' token -o azure\n`);
    await chmod(az, 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
    try {
      const token = await new AzureCliCredential().getToken('https://example.com/.default');
      expect(token.token).toBe(emulator.issuedTokens()[0]);
      expect(Math.abs(token.expiresOnTimestamp - Date.now() - 600_000)).toBeLessThan(30_000);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('token --output git', () => {
  const git = ['token', '-o', 'git', '--git-host', 'git.example.com', '--git-host', 'Other.example:8443'];
  const ask = (protocol: string, host: string) => `capability[]=authtype\nprotocol=${protocol}\nhost=${host}\n\n`;

  it('answers for an https address of a host that is named', async () => {
    const { emulator, env } = await emulated({ expiresInSeconds: 600 });
    for (const host of ['git.example.com', 'GIT.example.com', 'other.example:8443']) {
      const { code, stdout } = await run([...git, 'get'], { env, stdin: ask('https', host) });
      expect(code).toBe(0);
      const [username, password, expiry, ...rest] = stdout.split('\n');
      expect([username, password, rest]).toEqual([
        `username=${CLIENT_ID}`,
        `password=${emulator.issuedTokens().at(-1)}`,
        [''],
      ]);
      const left = Number(expiry?.replace('password_expiry_utc=', '')) - Date.now() / 1000;
      expect(left).toBeGreaterThan(570);
      expect(left).toBeLessThanOrEqual(600);
    }
  });

  it.each([
    ['get', ask('http', 'git.example.com')],
    ['get', ask('https', 'git.example.com.evil.example')],
    ['get', ask('https', 'other.example')],
    ['get', ask('https', '')],
    ['get', 'host=git.example.com\n'],
    ['get', ''],
    ['store', ask('https', 'git.example.com')],
    ['erase', ask('https', 'git.example.com')],
    ['capability', ''],
  ])('%s %j: says nothing, exchanges nothing', async (operation, stdin) => {
    const { emulator, env } = await emulated();
    expect(await run([...git, operation], { env, stdin })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(emulator.requests).toEqual([]);
  });

  it.each([
    [['token', '-o', 'git', 'get'], '--git-host: name the host'],
    [git, '--output: git gives an operation'],
    [['token', '-o', 'git', '--git-host', 'https://git.example.com', 'get'], '--git-host: write the host alone'],
    [['token', '-o', 'git', '--git-host', 'git.example.com/', 'get'], '--git-host: write the host alone'],
    [['token', '--git-host', 'a'], '--git-host: goes with --output git'],
    [['token', 'get'], "too many arguments for 'token'"],
  ])('%j is an error', async (args, message) => {
    const { emulator, env } = await emulated();
    const { code, stdout, stderr } = await run(args, { env, stdin: ask('https', 'git.example.com') });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(emulator.requests).toEqual([]);
  });

  it.skipIf(isWindows)('is what git itself calls and understands', async () => {
    const { emulator, env } = await emulated();
    const helper = `!'${process.execPath}' '${program.bin}' ${git.join(' ')}`;
    const fill = promisify(execFile)(
      'git',
      ['-c', 'credential.helper=', '-c', `credential.helper=${helper}`, 'credential', 'fill'],
      {
        cwd: await workspace(),
        env: {
          PATH: process.env.PATH,
          HOME: await tempFolder(),
          GIT_TERMINAL_PROMPT: '0',
          GIT_CONFIG_NOSYSTEM: '1',
          ...env,
        },
      },
    );
    fill.child.stdin?.end('protocol=https\nhost=git.example.com\n\n');
    expect((await fill).stdout).toContain(`username=${CLIENT_ID}\npassword=${emulator.issuedTokens()[0]}\n`);
  });
});
