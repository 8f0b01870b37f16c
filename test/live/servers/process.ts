import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOOLS_DIR = fileURLToPath(new URL('../../../.ci/tools/venv/bin', import.meta.url));
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5000;

/**
 * A server's program: what the variable `envName` says, else `name` on PATH, else in .ci/tools.
 * @throws when there is none: a live suite that cannot run has failed
 */
export function findBinary(name: string, envName: string, installHint: string): string {
  const named = process.env[envName];
  const candidates = named
    ? [named]
    : [...(process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== ''), TOOLS_DIR].map((dir) =>
        join(dir, name),
      );
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(
    named
      ? `${envName} names ${named}, which is no program that can be run`
      : `${name} is not installed: ${installHint}, and put it on PATH or name it in ${envName}`,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

export interface ServerOptions {
  /** For messages. */
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment; PATH and HOME of this process where absent. */
  env?: Record<string, string>;
  cwd?: string;
  /** Ready when this answers, with whatever status. Plain http only. */
  readyUrl?: string;
  /** Ready when a line of its output satisfies this. */
  ready?: (line: string) => boolean;
}

export interface RunningServer {
  pid: number;
  /** All that it has printed. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a server in a process group of its own and waits until it is ready. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { name, command, args, readyUrl, ready } = options;
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  let ended: string | undefined;
  child.on('error', (error) => {
    ended = error.message;
  });
  child.on('exit', (code, signal) => {
    ended ??= `exit ${code ?? signal}`;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }

  const stop = () => stopGroup(child, () => ended !== undefined);
  // A test run that ends early must leave no server behind.
  const onExit = () => killGroup(child, 'SIGKILL');
  process.once('exit', onExit);
  child.once('exit', () => process.removeListener('exit', onExit));

  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if (ended !== undefined) throw new Error(`${name} did not start (${ended}):\n${output}`);
    if (output.split('\n').some((line) => ready?.(line) === true)) break;
    if (readyUrl !== undefined && (await answers(readyUrl))) break;
    if (performance.now() > deadline) {
      await stop();
      throw new Error(`${name} was not ready within ${START_TIMEOUT_MS} ms:\n${output}`);
    }
    await delay(50);
  }
  return { pid: child.pid as number, output: () => output, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(1000) })).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}

async function stopGroup(child: ChildProcess, hasEnded: () => boolean): Promise<void> {
  killGroup(child, 'SIGTERM');
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (!hasEnded()) {
    if (performance.now() > deadline) killGroup(child, 'SIGKILL');
    await delay(20);
  }
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
