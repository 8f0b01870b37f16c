import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type BuiltPackage, buildPackage } from '../support/built.js';
import { expectNoSecrets } from '../support/leaks.js';
import { cleanUps, until } from '../testing/over-http.js';

/** What takes longer goes wrong. */
const MAX_WAIT_MS = 15_000;

/** The command line as users run it. */
export async function buildCommand(packages: readonly string[] = ['undici']): Promise<BuiltPackage & { bin: string }> {
  const built = await buildPackage({ cli: 'src/cli/process.ts' });
  for (const name of packages) await built.install(name);
  const bin = join(built.file('cli'), '..', 'imsvault.mjs');
  await writeFile(bin, `import { run } from './cli.mjs';\nawait run();\n`);
  return { ...built, bin };
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** An agent in a process of its own. */
export interface Serving {
  readonly child: ChildProcess;
  stderr(): string;
  /** The events that were logged under a name. */
  events(name: string): string[];
  /** Waits for the n-th event under a name. */
  event(name: string, count?: number): Promise<string>;
  /** One request over a connection of its own, to the first address or to a socket. */
  get(path: string, socketPath?: string): Promise<Answer>;
  /** @returns the exit code, or the signal that ended it */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
  ended: Promise<number | string>;
}

export interface ServeOptions {
  bin: string;
  cwd: string;
  args?: string[];
  env?: Record<string, string>;
  /** Looked for in all that is logged. */
  secrets?: string[];
}

export function serve({ bin, cwd, args = [], env = {}, secrets = [] }: ServeOptions): Serving {
  const tokenFile = join(cwd, 'agent-token');
  const child = spawn(process.execPath, [bin, 'serve', ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', XDG_RUNTIME_DIR: cwd, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  const ended = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? code ?? -1)),
  );
  const running = () => child.exitCode === null && child.signalCode === null;
  cleanUps.push(async () => {
    if (running()) child.kill('SIGKILL');
    await ended;
    expectNoSecrets(stderr, secrets);
  });
  const events = (name: string) => stderr.split('\n').filter((line) => line.split(/ +/)[2] === name);

  async function event(name: string, count = 1): Promise<string> {
    const deadline = Date.now() + MAX_WAIT_MS;
    await until(() => events(name).length >= count || !running() || Date.now() > deadline);
    if (events(name).length < count) throw new Error(`no event ${name}: ${stderr}`);
    return events(name)[count - 1] as string;
  }

  return {
    child,
    stderr: () => stderr,
    events,
    event,
    ended,
    async get(path, socketPath) {
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(await event('listening'))?.[1]);
      const accessToken = readFileSync(
        args.includes('--token-file') ? tokenFile : join(cwd, 'imsvault-agent-token'),
        'utf8',
      );
      return new Promise((resolve, reject) => {
        const host = socketPath === undefined ? `127.0.0.1:${port}` : 'localhost';
        const headers = { 'x-imsvault-token': accessToken.trim(), connection: 'close', host };
        const to = socketPath === undefined ? { host: '127.0.0.1', port } : { socketPath };
        httpRequest({ ...to, path, headers }, (response) => {
          let text = '';
          response.on('data', (data) => {
            text += data;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
          response.on('error', reject);
        })
          .on('error', reject)
          .end();
      });
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}

/** Asks one after the other, on and on, until the returned function is called; it tells what came. */
export function askConstantly(serving: Serving, path: string): () => Promise<Answer[]> {
  const answers: Answer[] = [];
  let stopped = false;
  const asking = (async () => {
    while (!stopped)
      answers.push(await serving.get(path).catch((error) => ({ status: 0, body: { error: String(error) } })));
  })();
  const stop = async () => {
    stopped = true;
    await asking;
    return answers;
  };
  cleanUps.push(stop);
  return stop;
}

export function expectAllServed(answers: readonly Answer[]): void {
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  expect(answers.length).toBeGreaterThan(3);
}
