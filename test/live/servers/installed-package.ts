import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const runFile = promisify(execFile);
const MAX_INSTALL_MS = 120_000;
const MAX_RUN_MS = 60_000;

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  stdin?: string;
}

/** A folder in which a stranger has installed the package, and works. */
export interface InstalledPackage {
  folder: string;
  /** Absolute path of the command. */
  bin: string;
  /** The whole environment of what is run: nothing of whoever runs the tests, and a home of its own. */
  env: Record<string, string>;
  /** Runs `imsvault` to its end. */
  imsvault(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Runs a copy of a program of test/live/programs to its end. */
  program(name: string, args: readonly string[], options?: RunOptions): Promise<Outcome>;
  remove(): Promise<void>;
}

/**
 * Builds and packs the package as it is now, and installs it in an empty folder beside `packages`.
 * @param packages of this repository, in the versions that it has
 */
export async function installPackage(packages: readonly string[]): Promise<InstalledPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'imsvault-installed-'));
  const npm = (args: string[], cwd: string) => runFile('npm', args, { cwd, timeout: MAX_INSTALL_MS });
  await runFile(process.execPath, ['scripts/build.mjs'], { cwd: root, timeout: MAX_INSTALL_MS });
  const packed = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  const versions = await Promise.all(
    packages.map(async (name) => {
      const text = await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8');
      return `${name}@${(JSON.parse(text) as { version: string }).version}`;
    }),
  );
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  await npm(['install', '--no-audit', '--no-fund', `./${filename}`, ...versions], folder);
  // Here a search for a config ends.
  await mkdir(join(folder, '.git'));
  await mkdir(join(folder, 'run'), { mode: 0o700 });
  const bin = join(folder, 'node_modules/imsvault/bin/imsvault.cjs');
  const env = { PATH: process.env.PATH ?? '', HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run') };

  function run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...env, ...options.env },
      timeout: MAX_RUN_MS,
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    child.stdin.end(options.stdin ?? '');
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? -1, ...output }));
    });
  }

  return {
    folder,
    bin,
    env,
    imsvault: (args, options) => run([bin, ...args], options),
    async program(name, args, options) {
      await copyFile(join(root, 'test/live/programs', name), join(folder, name));
      return run([name, ...args], options);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
