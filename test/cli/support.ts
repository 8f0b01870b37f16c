import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, expect } from 'vitest';
import { main } from '../../src/cli/main.js';
import type { Ask } from '../../src/init/answers.js';
import type { ImsEmulator, ImsEmulatorOptions } from '../../src/testing/index.js';
import { tempFolder, write } from '../config/support.js';
import { expectNoSecrets } from '../support/leaks.js';
import { start } from '../testing/over-http.js';

export const CLIENT_ID = 'cli-test-client';
export const CLIENT_SECRET = 'p8e-cliTest_Secret.0123456789';

let emulators: ImsEmulator[] = [];
afterEach(() => {
  emulators = [];
});

/** An emulator that knows one client, and the environment that leads there: nothing is taken from the real one. */
export async function emulated(options: ImsEmulatorOptions = {}) {
  const emulator = await start({ clients: [{ clientId: CLIENT_ID, clientSecrets: [CLIENT_SECRET] }], ...options });
  emulators.push(emulator);
  const env: Record<string, string> = {
    FUSION_CLIENT_ID: CLIENT_ID,
    FUSION_CLIENT_SECRET: CLIENT_SECRET,
    IMSVAULT_IMS_TOKEN_ENDPOINT: emulator.tokenEndpoint,
    // No test waits for a retry.
    IMSVAULT_IMS_RETRY_MAX_ATTEMPTS: '1',
    // Nor finds another's token.
    IMSVAULT_CACHE: 'off',
  };
  return { emulator, env };
}

/** A folder where a search for a config file ends. */
export async function workspace(config?: string): Promise<string> {
  const cwd = await tempFolder();
  await mkdir(join(cwd, '.git'));
  if (config !== undefined) await write(cwd, 'imsvault.config.yaml', config);
  return cwd;
}

export interface Given {
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  signal?: AbortSignal;
  stdin?: string;
  /** Answers what the program asks on a terminal. */
  ask?: Ask;
  stdout?: (text: string) => void;
}

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command line in process. Fails when a secret is printed, or a token anywhere but on the stdout of `token`. */
export async function run(args: readonly string[], given: Given = {}): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const { ask } = given;
  const code = await main(args, {
    stdout: (text) => {
      given.stdout?.(text);
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: Readable.from([given.stdin ?? '']),
    ...(ask === undefined ? {} : { prompts: async () => ask }),
    env: { IMSVAULT_CACHE: 'off', ...given.env },
    cwd: given.cwd ?? (await workspace()),
    signal: given.signal ?? new AbortController().signal,
  });
  const tokens = emulators.flatMap((emulator) => emulator.issuedTokens());
  expectNoSecrets(stderr, [CLIENT_SECRET, ...tokens]);
  expectNoSecrets(stdout, args.includes('token') ? [CLIENT_SECRET] : [CLIENT_SECRET, ...tokens]);
  return { code, stdout, stderr };
}

/** The one line of JSON that a failed command wrote to stderr. */
export function errorIn(stderr: string): Record<string, unknown> {
  expect(stderr).toMatch(/^[^\n]+\n$/);
  return (JSON.parse(stderr) as { error: Record<string, unknown> }).error;
}
