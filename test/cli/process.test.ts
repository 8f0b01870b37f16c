import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/version.js';
import { type BuiltCli, buildCli } from '../support/built-cli.js';
import { expectNoSecrets } from '../support/leaks.js';
import { until } from '../testing/over-http.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, errorIn, workspace } from './support.js';

let built: BuiltCli;
beforeAll(async () => {
  built = await buildCli();
});
afterAll(() => built.remove());

interface Options {
  env?: Record<string, string>;
  cwd?: string;
  /** A file descriptor, or a pipe that the test reads, does not read, or reads late. */
  stdout?: number | 'read' | 'closed' | 'late';
  started?: (child: ChildProcess) => unknown;
}

/** Runs the program as a shell does. */
async function imsvault(args: string[], { env = {}, cwd, stdout = 'read', started }: Options = {}) {
  const child = spawn(process.execPath, [built.bin, ...args], {
    cwd: cwd ?? (await workspace()),
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', typeof stdout === 'number' ? stdout : 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stderr?.on('data', (data) => {
    output.stderr += data;
  });
  const read = () =>
    child.stdout?.on('data', (data) => {
      output.stdout += data;
    });
  if (stdout === 'read') read();
  if (stdout === 'closed') child.stdout?.destroy();
  if (stdout === 'late') child.stdout?.once('readable', () => setImmediate(read));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await started?.(child);
  const code = await ended;
  expectNoSecrets(output.stderr, [CLIENT_SECRET]);
  return { code, ...output };
}

describe('the process', () => {
  it('prints a token, nothing else, and ends with 0', async () => {
    const { emulator, env } = await emulated();
    const { code, stdout, stderr } = await imsvault(['token'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`${emulator.issuedTokens()[0]}\n`);
  });

  it('ends although a provider holds on, and keeps a vendor’s talk about Node.js from stderr', async () => {
    const { emulator, env } = await emulated();
    const cwd = await workspace('credentials: { provider: ./sticky.mjs }\n');
    await writeFile(
      join(cwd, 'sticky.mjs'),
      `setInterval(() => {}, 1000);
export default {
  name: 'sticky',
  options: { '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } },
  refOptions: [],
  createProvider: () => ({
    name: 'sticky',
    describe: () => 'a secret',
    readSecret: async () => {
      throw Object.assign(new Error('foreign'), { code: \`TOLD_\${process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED}\` });
    },
  }),
};
`,
    );
    const { code, stderr } = await imsvault(['token', '-c', 'imsvault.config.yaml'], { env, cwd });
    expect(code).toBe(5);
    expect(stderr).toContain('./sticky.mjs: unexpected TOLD_true');
    expect(emulator.exchanges).toBe(0);
  });

  it('writes all of a long answer into a pipe that is read late', async () => {
    const { code, stdout } = await imsvault(['config', 'schema'], { stdout: 'late' });
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(200_000);
    expect(JSON.parse(stdout)).toHaveProperty('$schema');
  });

  it('ends silently when nobody reads', async () => {
    const { env } = await emulated();
    expect(await imsvault(['token'], { env, stdout: 'closed' })).toEqual({ code: 141, stdout: '', stderr: '' });
  });

  it.runIf(process.platform === 'linux')('says in a line that stdout is full', async () => {
    const { env } = await emulated();
    const full = openSync('/dev/full', 'w');
    try {
      expect(await imsvault(['token'], { env, stdout: full })).toMatchObject({
        code: 1,
        stderr: 'imsvault: stdout could not be written (ENOSPC)\n',
      });
      const { code, stderr } = await imsvault(['token', '-o', 'json'], { env, stdout: full });
      expect(code).toBe(1);
      expect(errorIn(stderr)).toEqual({ code: 'ERR_UNEXPECTED', message: 'stdout could not be written (ENOSPC)' });
      // A command that had nothing to write is not touched by it.
      const program = ['--', process.execPath, '-e', 'process.exit(77)'];
      expect(await imsvault(['exec', ...program], { env, stdout: full })).toMatchObject({ code: 77, stderr: '' });
    } finally {
      closeSync(full);
    }
  });

  it.runIf(process.platform !== 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends an exchange with %i', async (signal, code) => {
    const { emulator, env } = await emulated();
    emulator.fail({ kind: 'hang' });
    const started = async (child: ChildProcess) => {
      await until(() => emulator.requests.length > 0);
      child.kill(signal);
    };
    expect(await imsvault(['token'], { env, started })).toEqual({
      code,
      stdout: '',
      stderr: `imsvault: ERR_ABORTED: stopped by ${signal}.\n`,
    });
  });

  it.each([
    ['a config module', 'export default () => new Promise(() => {});\n'],
    ['a module that loads for ever', 'await new Promise(() => {});\nexport default {};\n'],
  ])('says that it was not done where %s never comes to an end', async (_name, text) => {
    const cwd = await workspace();
    await writeFile(join(cwd, 'config.mjs'), text);
    for (const command of [['token'], ['exec', '--', 'true'], ['config', 'validate'], ['status', '--check']]) {
      const { code, stdout, stderr } = await imsvault(['-c', 'config.mjs', ...command], { cwd });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^imsvault: ended before it was done: [^\n]+ the config module's [^\n]+\n$/);
    }
    const { code, stderr } = await imsvault(['-c', 'config.mjs', 'token', '-o', 'json'], { cwd });
    expect(code).toBe(1);
    expect(errorIn(stderr)).toMatchObject({ code: 'ERR_UNEXPECTED', message: expect.stringMatching(/^ended before/) });
  });

  it('says so too where a provider module does not check its options', async () => {
    const cwd = await workspace('credentials: { provider: ./stuck.mjs }\n');
    const validate = 'validate: () => new Promise(() => {})';
    await writeFile(
      join(cwd, 'stuck.mjs'),
      `export default { name: 'stuck', refOptions: [], createProvider() {}, options: { '~standard': { version: 1, vendor: 'test', ${validate} } } };\n`,
    );
    const { code, stderr } = await imsvault(['token', '-c', 'imsvault.config.yaml'], { cwd });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^imsvault: ended before it was done/) });
  });

  it('gives up a provider module that never gives its client', async () => {
    const { env } = await emulated();
    const cwd = await workspace('credentials: { provider: ./stuck.mjs, timeout: 300 }\n');
    const schema = `{ '~standard': { version: 1, vendor: 'test', validate: () => ({ value: {} }) } }`;
    await writeFile(
      join(cwd, 'stuck.mjs'),
      `export default { name: 'stuck', refOptions: [], options: ${schema}, createProvider: () => new Promise(() => {}) };\n`,
    );
    const { code, stderr } = await imsvault(['token', '-c', 'imsvault.config.yaml'], { env, cwd });
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr: 'imsvault: ERR_SECRET_UNAVAILABLE: ./stuck.mjs: not opened within 300 ms.\n',
    });
  });

  it.skipIf(process.platform === 'win32')(
    'init leaves nothing where the file cannot be written to its end',
    async () => {
      const cwd = await workspace();
      const init = [process.execPath, built.bin, 'init', '--yes', '--provider', 'env', '--no-check'];
      // No file may have a byte: what a full disk is like.
      const script = 'trap "" XFSZ; ulimit -f 0; exec "$@"';
      await expect(promisify(execFile)('sh', ['-c', script, 'sh', ...init], { cwd })).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/--output: \S+ cannot be written \(EFBIG\)\.\n$/),
      });
      expect(await readdir(cwd)).toEqual(['.git']);
    },
  );

  it.runIf(process.platform === 'linux')('says that its working directory is gone where it needs one', async () => {
    // The shell's, as the folder of a process that is to be started must be there.
    const inDeleted = async (argument: string) => {
      const cwd = await workspace();
      const script = 'rm -r "$PWD"; exec "$@"';
      return promisify(execFile)('sh', ['-c', script, 'sh', process.execPath, built.bin, argument], { cwd });
    };
    expect(await inDeleted('--version')).toEqual({ stdout: `${VERSION}\n`, stderr: '' });
    await expect(inDeleted('token')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^imsvault: ERR_CONFIG_INVALID: the working directory cannot be read [^\n]+\n$/),
    });
  });

  it.runIf(process.platform !== 'win32')('opens no debugger at SIGUSR1', async () => {
    const started = async (child: ChildProcess) => {
      let shown = '';
      child.stdout?.on('data', (data) => {
        shown += data;
      });
      await until(() => shown.includes('http://'));
      child.kill('SIGUSR1');
      // Longer than a debugger takes to open.
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.kill('SIGTERM');
    };
    expect(await imsvault(['emulator'], { started })).toMatchObject({ stderr: '' });
  });

  it('keeps no secret from the environment in an error', async () => {
    const { emulator, env } = await emulated();
    emulator.setClientSecrets(CLIENT_ID, ['another']);
    const { code, stderr } = await imsvault(['token', '--debug'], { env });
    expect(code).toBe(4);
    expect(stderr).toMatch(/^imsvault: ERR_TOKEN_REQUEST_REJECTED: [^\n]+\n {2}TokenRequestRejectedError/);
  });
});
