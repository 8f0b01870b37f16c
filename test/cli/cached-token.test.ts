import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BuiltCli, buildCli } from '../support/built-cli.js';
import { expectNoSecrets } from '../support/leaks.js';
import { until } from '../testing/over-http.js';
import { CLIENT_SECRET, emulated, workspace } from './support.js';

// Real processes, on machines that do other things too.
vi.setConfig({ testTimeout: 60_000 });

let built: BuiltCli;
beforeAll(async () => {
  built = await buildCli();
});
afterAll(() => built?.remove());

/** A user of a machine with a cache, and an emulated IMS. */
async function user(options: { expiresInSeconds?: number } = {}) {
  const { emulator, env: emulatedEnv } = await emulated(options);
  const home = await workspace();
  const { IMSVAULT_CACHE: _off, ...own } = emulatedEnv;
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', HOME: home, ...own };
  const folder = join(home, '.cache/imsvault');
  interface Call {
    env?: Record<string, string>;
    cwd?: string;
    node?: string[];
    stdout?: number;
    started?: (child: ChildProcess) => unknown;
  }
  async function call(args: string[], given: Call = {}) {
    const child = spawn(process.execPath, [...(given.node ?? []), built.bin, ...args], {
      cwd: given.cwd ?? home,
      env: { ...env, ...given.env },
      stdio: ['ignore', given.stdout ?? 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout?.on('data', (data) => {
      output.stdout += data;
    });
    child.stderr?.on('data', (data) => {
      output.stderr += data;
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await given.started?.(child);
    const code = await ended;
    expectNoSecrets(output.stderr, [CLIENT_SECRET, ...emulator.issuedTokens()]);
    return { code, ...output };
  }
  const last = () => `${emulator.issuedTokens().at(-1)}\n`;
  return { emulator, env, home, folder, call, last };
}

describe.skipIf(process.platform === 'win32')('imsvault token, again and again', () => {
  it('exchanges once for fifty calls in a row, whatever the output', async () => {
    const { emulator, call, last } = await user();
    for (let round = 0; round < 50; round++) {
      expect(await call(['token'])).toEqual({ code: 0, stdout: last(), stderr: '' });
    }
    const json = await call(['token', '--output=json', '--min-ttl', '10m']);
    expect(JSON.parse(json.stdout)).toMatchObject({ access_token: last().trim(), source: 'cache' });
    expect((await call(['-o', 'header', 'token'])).stdout).toBe(`Authorization: Bearer ${last()}`);
    expect((await call(['token', '-o', 'env'])).stdout).toBe(`export FUSION_ACCESS_TOKEN=${last()}`);
    // A shape that the warm path does not know.
    expect(JSON.parse((await call(['token', '-ojson', '--debug'])).stdout).source).toBe('cache');
    expect(emulator.exchanges).toBe(1);
  });

  it('warm, loads the warm path alone', async () => {
    const { call, home, emulator } = await user();
    const hook = join(home, 'hook.cjs');
    await writeFile(
      hook,
      `process.on('exit', () => {
         const { writeFileSync } = require('node:fs');
         const builtIn = process.moduleLoadList.filter((name) => name.startsWith('NativeModule '));
         writeFileSync(${JSON.stringify(join(home, 'loaded.json'))}, JSON.stringify({ files: Object.keys(require.cache), builtIn }));
       });`,
    );
    const loaded = async () => {
      expect((await call(['token'], { node: ['-r', hook] })).code).toBe(0);
      return JSON.parse(await readFile(join(home, 'loaded.json'), 'utf8')) as { files: string[]; builtIn: string[] };
    };
    const cold = await loaded();
    const warm = await loaded();
    expect(emulator.exchanges).toBe(1);
    expect(warm.files).toEqual([hook, built.bin, join(built.bin, '../../dist/fast-token.cjs')]);
    // The whole program, with commander, yaml, zod and undici, comes by import().
    const heavy = /NativeModule (crypto|http|net|tls|zlib|internal\/modules\/esm\/translators)$/;
    expect(cold.builtIn.filter((name) => heavy.test(name)).length).toBeGreaterThan(3);
    expect(warm.builtIn.filter((name) => heavy.test(name) && !/translators|net$/.test(name))).toEqual([]);
  });

  it('exchanges once for eight that start at the same time', async () => {
    const { emulator, call, last } = await user();
    emulator.fail({ kind: 'latency', ms: 300 });
    const all = await Promise.all(Array.from({ length: 8 }, () => call(['token'])));
    expect(all).toEqual(Array(8).fill({ code: 0, stdout: last(), stderr: '' }));
    expect(emulator.exchanges).toBe(1);
  });

  it('goes on within seconds when the one that exchanges is killed', async () => {
    const { emulator, call, last, folder } = await user();
    emulator.fail({ kind: 'hang' }, 1);
    let holder: ChildProcess | undefined;
    const killed = call(['token'], {
      started: (child) => {
        holder = child;
      },
    });
    await until(() => emulator.requests.length > 0);
    const waiting = Array.from({ length: 3 }, () => call(['token']));
    holder?.kill('SIGKILL');
    expect((await killed).code).toBe(null);
    const started = performance.now();
    expect(await Promise.all(waiting)).toEqual(Array(3).fill({ code: 0, stdout: last(), stderr: '' }));
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(emulator.exchanges).toBe(1);
    expect((await readdir(folder)).filter((name) => name.includes('.lock'))).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('lets go of the lock when %s ends it', async (signal) => {
    const { emulator, call, folder } = await user();
    emulator.fail({ kind: 'hang' }, 1);
    const started = async (child: ChildProcess) => {
      await until(() => emulator.requests.length > 0);
      child.kill(signal);
    };
    expect((await call(['token'], { started })).stderr).toBe(`imsvault: ERR_ABORTED: stopped by ${signal}.\n`);
    expect((await readdir(folder)).filter((name) => name.includes('.lock'))).toEqual([]);
  });

  it('exchanges anew when a token ends, and never serves one past its end', async () => {
    const { emulator, call } = await user({ expiresInSeconds: 2 });
    const seen = new Set<string>();
    const until = performance.now() + 5000;
    while (performance.now() < until) {
      const { access_token: token, expires_at: end } = JSON.parse((await call(['token', '-o', 'json'])).stdout);
      seen.add(token);
      expect(Date.parse(end)).toBeGreaterThan(Date.now() - 1000);
    }
    expect(seen.size).toBeGreaterThan(1);
    expect(seen.size).toBe(emulator.exchanges);
  });

  it('--force renews through the cache', async () => {
    const { emulator, call, last } = await user();
    const first = await call(['token']);
    const forced = await call(['token', '--force']);
    expect(forced).toEqual({ code: 0, stdout: last(), stderr: '' });
    expect(forced.stdout).not.toBe(first.stdout);
    expect((await call(['token'])).stdout).toBe(forced.stdout);
    expect(emulator.exchanges).toBe(2);
  });

  it('--min-ttl renews a token that is too short, and takes the longest there is', async () => {
    const { emulator, call } = await user({ expiresInSeconds: 600 });
    await call(['token']);
    const short = await call(['token', '--min-ttl', '1h']);
    expect(short.stderr).toMatch(/shorter life than --min-ttl/);
    expect(emulator.exchanges).toBe(1);
    expect((await call(['token', '--min-ttl', '599900ms'])).code).toBe(0);
    expect(emulator.exchanges).toBe(2);
    expect((await call(['token', '--min-ttl', '5m'])).code).toBe(0);
    expect(emulator.exchanges).toBe(2);
  });

  it.each<[string, string[], Record<string, string>]>([
    ['--no-cache', ['--no-cache'], {}],
    ['IMSVAULT_CACHE=off', [], { IMSVAULT_CACHE: 'off' }],
    ['IMSVAULT_CACHE=0', [], { IMSVAULT_CACHE: '0' }],
    ['--set cache=false', ['--set', 'cache=false'], {}],
  ])('%s leaves no file, and uses none', async (_title, flags, env) => {
    const { emulator, call, folder } = await user();
    expect((await call(['token', ...flags], { env })).code).toBe(0);
    await expect(readdir(folder)).rejects.toThrow('ENOENT');
    await call(['token']);
    await call(['token', ...flags], { env });
    expect(emulator.exchanges).toBe(3);
  });

  it('misses when the config, a variable, a file or the profile is another, and only then', async () => {
    const { emulator, call, home } = await user();
    const config = (text: string) => writeFile(join(home, 'imsvault.config.yaml'), text, { mode: 0o600 });
    const misses = async (args: string[], env: Record<string, string> = {}, cwd = home) => {
      const before = emulator.exchanges;
      expect(await call(['token', ...args], { env, cwd })).toMatchObject({ code: 0, stderr: '' });
      expect(await call(['token', ...args], { env, cwd })).toMatchObject({ code: 0, stderr: '' });
      return emulator.exchanges - before;
    };
    expect(await misses([])).toBe(1);
    await config('credentials: { provider: env }\n');
    expect(await misses([])).toBe(1);
    await config('credentials: { provider: env, timeout: 9s }\n');
    expect(await misses([])).toBe(1);
    await mkdir(join(home, 'below'));
    expect(await misses([], {}, join(home, 'below'))).toBe(0);
    await writeFile(join(home, 'below/imsvault.config.yaml'), '{}', { mode: 0o600 });
    expect(await misses([], {}, join(home, 'below'))).toBe(1);
    expect(await misses([], { UNRELATED: 'x' })).toBe(0);
    expect(await misses([], { https_proxy: 'http://127.0.0.1:1', NO_PROXY: 'x' })).toBe(1);
    await config('defaultProfile: a\nprofiles: { a: {}, b: {} }\n');
    expect(await misses([])).toBe(1);
    expect(await misses(['-p', 'b'])).toBe(1);
    expect(await misses([], { IMSVAULT_PROFILE: 'b' })).toBe(1);
    expect(await misses(['-p', 'b'])).toBe(0);

    await config('credentials: { provider: env, dotenv: own.env }\n');
    const env = { FUSION_CLIENT_ID: '', FUSION_CLIENT_SECRET: '' };
    await writeFile(join(home, 'own.env'), '');
    expect((await call(['token'], { env })).code).toBe(3);
    await writeFile(join(home, 'secret'), CLIENT_SECRET);
    const file = { FUSION_CLIENT_SECRET: '', FUSION_CLIENT_SECRET_FILE: 'secret' };
    expect(await misses([], file)).toBe(1);
    await writeFile(join(home, 'secret'), 'another');
    expect((await call(['token'], { env: file })).code).toBe(4);

    await writeFile(join(home, 'own.env'), 'FUSION_CLIENT_SECRET_FILE=below/named\n');
    await writeFile(join(home, 'below/named'), CLIENT_SECRET);
    const unset = { FUSION_CLIENT_SECRET: '' };
    expect(await misses([], unset)).toBe(1);
    expect(await misses([], unset)).toBe(0);
    await writeFile(join(home, 'below/named'), 'another');
    expect((await call(['token'], { env: unset })).code).toBe(4);
  });

  it('does not answer for a config found by search with the token of when it was named', async () => {
    const { call, home } = await user();
    const file = join(home, 'imsvault.config.yaml');
    await writeFile(file, '{}');
    await chmod(file, 0o666);
    expect((await call(['token', '--config', file])).code).toBe(0);
    expect(await call(['token'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('can be written by others'),
    });
  });

  it('does not answer for another secret than the one that it was given', async () => {
    const { call } = await user();
    expect((await call(['token'])).code).toBe(0);
    expect((await call(['token'], { env: { FUSION_CLIENT_SECRET: 'wrong' } })).code).toBe(4);
  });

  it('serves the token from the soft point on, when IMS is away', async () => {
    const { emulator, call, folder } = await user();
    const { stdout: first } = await call(['token']);
    const [name = ''] = (await readdir(folder)).filter((each) => each.endsWith('.json'));
    const record = JSON.parse(await readFile(join(folder, name), 'utf8'));
    await writeFile(join(folder, name), JSON.stringify({ ...record, schedule: [0, ...record.schedule.slice(1)] }));
    emulator.fail({ kind: 'internal_error' });
    const served = await call(['token']);
    expect(served).toMatchObject({ code: 0, stdout: first });
    expect(served.stderr).toMatch(/^imsvault: warning: the token was not renewed early[^\n]+\n$/);
    emulator.clearFaults();
  });

  it('prints a token without a cache, and says why there is none', async () => {
    const { emulator, call, home, last } = await user();
    await writeFile(join(home, '.cache'), 'a file');
    const { code, stdout, stderr } = await call(['token']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: last() });
    expect(stderr).toMatch(/^imsvault: warning: the token is not kept for the next call: [^\n]+\n$/);
    expect(emulator.exchanges).toBe(1);
  });

  it('waits for a full pipe, and gives it all of the token', async () => {
    const { call, home, last, emulator } = await user();
    await call(['token']);
    const [hook, refused] = [join(home, 'hook.cjs'), join(home, 'refused')];
    // Whoever shares the pipe may have made it non-blocking, as process.stdout does, and filled it.
    await writeFile(
      hook,
      `const fs = require('node:fs');
       const write = fs.writeSync;
       process.stdout;
       const rest = new Int32Array(new SharedArrayBuffer(4));
       // The reader takes some of it although nobody asks for it.
       for (let idle = 0; idle < 5; idle++) {
         try { for (;;) { write(1, 'x'.repeat(1000)); idle = 0; } } catch {}
         Atomics.wait(rest, 0, 0, 20);
       }
       fs.writeSync = (...args) => {
         try { return write(...args); } catch (error) {
           fs.writeFileSync(${JSON.stringify(refused)}, error.code);
           throw error;
         }
       };`,
    );
    const started = async (child: ChildProcess) => {
      child.stdout?.pause();
      await until(() => existsSync(refused));
      child.stdout?.resume();
    };
    const { code, stdout, stderr } = await call(['token'], { node: ['-r', hook], started });
    expect({ code, stderr, refused: readFileSync(refused, 'utf8') }).toEqual({
      code: 0,
      stderr: '',
      refused: 'EAGAIN',
    });
    expect(stdout).toMatch(/^x{10000,}/);
    expect(stdout.replace(/^x+/, '')).toBe(last());
    expect(emulator.exchanges).toBe(1);
  });

  it.runIf(process.platform === 'linux')('ends as the whole program does when stdout is full or closed', async () => {
    const { call } = await user();
    await call(['token']);
    const full = openSync('/dev/full', 'w');
    const message = 'imsvault: stdout could not be written (ENOSPC)\n';
    expect(await call(['token'], { stdout: full })).toMatchObject({ code: 1, stderr: message });
    closeSync(full);
    const closed = (child: ChildProcess) => child.stdout?.destroy();
    expect(await call(['token'], { started: closed })).toEqual({ code: 141, stdout: '', stderr: '' });
  });

  it('the library shares the token where its config says so', async () => {
    const { emulator, env, home } = await user();
    const program = `
      const { createTokenProvider } = await import(process.argv[1]);
      const provider = createTokenProvider(JSON.parse(process.argv[2]));
      process.stdout.write((await provider.getToken()).accessToken);
      await provider.close();`;
    const get = (config: object) =>
      new Promise<string>((resolve, reject) => {
        const args = ['--input-type=module', '-e', program, built.library, JSON.stringify(config)];
        execFile(process.execPath, args, { env, cwd: home }, (error, stdout) =>
          error ? reject(error) : resolve(stdout),
        );
      });
    const shared = await Promise.all(Array.from({ length: 4 }, () => get({ cache: true })));
    expect(new Set(shared).size).toBe(1);
    expect(emulator.exchanges).toBe(1);
    await get({});
    await get({ cache: false });
    expect(emulator.exchanges).toBe(3);
  });
});
