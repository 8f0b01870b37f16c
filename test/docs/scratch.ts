import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createImsEmulator, type ImsEmulator, type ImsEmulatorOptions } from '../../src/testing/index.js';
import { findBinary } from '../live/servers/process.js';
import { buildCli } from '../support/built-cli.js';
import { ROOT } from './blocks.js';

export const CLIENT_ID = 'emulator-client-id';
export const CLIENT_SECRET = 'emulator-client-secret';

/** What takes longer goes wrong. */
const MAX_RUN_MS = 30_000;
/** The package's entries, and the sources of them. */
export const ENTRIES: Readonly<Record<string, string>> = {
  imsvault: 'src/index.ts',
  'imsvault/provider': 'src/provider-api.ts',
  'imsvault/http': 'src/http/index.ts',
  'imsvault/aio': 'src/aio/index.ts',
  'imsvault/otel': 'src/observe/otel.ts',
  'imsvault/testing': 'src/testing/index.ts',
};
/** All that a documented command finds here beside imsvault: nothing that changes this machine, or reaches a cloud. */
const NAMES = [
  'bash',
  'sh',
  'cat',
  'cp',
  'curl',
  'env',
  'git',
  'grep',
  'head',
  'ln',
  'nice',
  'rm',
  'sed',
  'seq',
  'sleep',
];
/** Those that this machine has: `npm test` asks for Node and a shell alone. */
const PROGRAMS = new Map(
  NAMES.flatMap((name) => {
    try {
      return [[name, findBinary(name, '', '')] as const];
    } catch {
      return [];
    }
  }),
);

export const hasProgram = (name: string): boolean => PROGRAMS.has(name);

const bundleOf = (entry: string) => entry.split('/')[1] ?? 'index';

/** The package as it is now, and Adobe in place of Adobe. */
export interface World {
  ims: ImsEmulator;
  /** Fusion's API: takes the emulator's tokens, and the client id as API key. */
  api: { origin: string; requests: { url: string; status: number; headers: IncomingHttpHeaders }[] };
  /** A home of its own in which imsvault is installed, with a config that reads the credential from the environment. */
  home(): Promise<Home>;
  close(): Promise<void>;
}

export interface Home {
  folder: string;
  /** Nothing of whoever runs the tests. */
  env: Readonly<Record<string, string>>;
  /** Puts a program of this machine where commands are found. */
  allow(name: string, program: string): Promise<void>;
  write(name: string, text: string, mode?: number): Promise<string>;
  /** Runs to the end, in the folder. */
  run(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
}

export interface Ran {
  code: number | NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** @param packages that the bundles find, besides undici */
export async function createWorld(packages: readonly string[] = [], emulator: ImsEmulatorOptions = {}): Promise<World> {
  const entries = Object.entries(ENTRIES).map(([entry, source]) => [bundleOf(entry), source] as const);
  const built = await buildCli(Object.fromEntries(entries));
  for (const name of packages) await built.install(name);
  const exported = Object.keys(ENTRIES).map((entry) => [entry.replace('imsvault', '.'), `./${bundleOf(entry)}.mjs`]);
  const manifest = { name: 'imsvault', type: 'module', exports: Object.fromEntries(exported) };
  await writeFile(join(built.folder, 'package.json'), JSON.stringify(manifest));
  const ims = await createImsEmulator(emulator).start();
  const api = await startApi(ims);
  const folders: string[] = [];

  async function home(): Promise<Home> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'imsvault-docs-')));
    folders.push(folder);
    const write = async (name: string, text: string, mode = 0o600) => {
      const file = join(folder, name);
      await mkdir(join(file, '..'), { recursive: true });
      await writeFile(file, text, { mode });
      return file;
    };
    // A search for a config ends here.
    for (const name of ['.git', 'bin', 'node_modules']) await mkdir(join(folder, name));
    await mkdir(join(folder, 'run'), { mode: 0o700 });
    await symlink(built.folder, join(folder, 'node_modules/imsvault'), 'junction');
    for (const name of packages) await link(folder, name);
    await symlink(built.bin, join(folder, 'bin/imsvault'));
    await symlink(process.execPath, join(folder, 'bin/node'));
    for (const [name, program] of PROGRAMS) await symlink(program, join(folder, 'bin', name));
    await cp(join(ROOT, 'test/docs/bin'), join(folder, 'bin'), { recursive: true });
    await write('imsvault.config.yaml', 'credentials: { provider: env }\n');
    const preload = await write('preload.mjs', preloadFor(api.origin));
    const env = {
      PATH: join(folder, 'bin'),
      HOME: folder,
      XDG_RUNTIME_DIR: join(folder, 'run'),
      NODE_OPTIONS: `--import=${preload}`,
      FUSION_CLIENT_ID: CLIENT_ID,
      FUSION_CLIENT_SECRET: CLIENT_SECRET,
      IMSVAULT_IMS_TOKEN_ENDPOINT: ims.tokenEndpoint,
      IMSVAULT_REPOSITORY: ROOT,
    };
    const allow = (name: string, program: string) => symlink(program, join(folder, 'bin', name));
    return {
      folder,
      env,
      allow,
      write,
      run: (command, args, more = {}) => run(command, args, folder, { ...env, ...more }),
    };
  }

  return {
    ims,
    api,
    home,
    async close() {
      await ims.stop();
      await api.close();
      await built.remove();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function link(folder: string, name: string): Promise<void> {
  const at = join(folder, 'node_modules', name);
  await mkdir(join(at, '..'), { recursive: true });
  await symlink(join(ROOT, 'node_modules', name), at, 'junction');
}

/** Leads fetch to the stand-in; the library has looked at the real URL before. */
const preloadFor = (origin: string) => `const real = globalThis.fetch;
const lead = (url) => String(url).replace(/^https:\\/\\/fusion\\.adobe\\.io/, '${origin}');
globalThis.fetch = (input, init) => real(input instanceof Request ? new Request(lead(input.url), input) : lead(input), init);
`;

async function startApi(ims: ImsEmulator) {
  const requests: World['api']['requests'] = [];
  const server = createServer(({ url = '', headers }, response) => {
    const [, token = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
    const status = ims.isIssued(token) && headers['x-api-key'] === CLIENT_ID ? 200 : 401;
    requests.push({ url, status, headers });
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"scenarios":[]}');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function run(command: string, args: readonly string[], cwd: string, env: Record<string, string>): Promise<Ran> {
  // In a group of its own: what it leaves running ends with it.
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const end = () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  };
  const timer = setTimeout(end, MAX_RUN_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', end);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, ...output });
    });
  });
}
