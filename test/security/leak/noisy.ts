import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildCli } from '../../support/built-cli.js';
import type { Evidence } from './scan.js';

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface NoisyOptions {
  env?: Readonly<Record<string, string>>;
  stdin?: string;
}

/** The command line, at the noisiest that it and everything below it can be. */
export interface Noisy {
  /** Where commands run. What they leave behind is looked at by {@link Noisy.seeFiles}. */
  readonly cwd: string;
  readonly home: string;
  /** `XDG_RUNTIME_DIR`. */
  readonly runtime: string;
  /** Writes a config that names secrets in no other way than by variables and files. */
  config(name: string, content: object): string;
  /** Runs to its end. stderr is evidence; so is stdout, unless the caller looks at it as an outlet. */
  run(args: readonly string[], options?: NoisyOptions & { outlet?: boolean }): Promise<Outcome>;
  /** Runs another program in the same way. */
  program(file: string, options?: NoisyOptions): Promise<Outcome>;
  /** Starts what runs on. */
  start(
    args: readonly string[],
    options?: NoisyOptions,
  ): { child: ChildProcess; output: Outcome; ended: Promise<Outcome> };
  /** Every file that is left, the notes of the probe and the arguments of children, but those that `declared` knows. */
  seeFiles(declared: (path: string) => boolean): void;
  /** Whose debug logs have been heard so far. */
  heard(): string[];
  /** All files, relative to the harness's folder. */
  files(): string[];
  read(path: string): string;
  remove(): Promise<void>;
}

const PACKAGES = [
  'node-vault',
  '@aws-sdk/client-secrets-manager',
  '@aws-sdk/client-sts',
  '@azure/identity',
  '@azure/keyvault-secrets',
];

/**
 * Of Node's own debug logs all but these, which print what passes through a stream or into a child's environment, and
 * which nothing in a program can keep from it. docs/threat-model.md says so.
 */
const NODE_DEBUG =
  'http,http2,https,net,tls,tls_client,timer,timers,undici,fetch,websocket,fs,cluster,diagnostics,dns,esm,module,process,report,source_map,test,url,util,worker';

/** A line of each log that was turned on. */
const NOISES = {
  azure: /^azure:/m,
  net: /^NET \d+:/m,
  timer: /^TIMER \d+:/m,
  tls: /^TLS \d+:/m,
  undici: /^(UNDICI|FETCH) \d+:/m,
};

export async function startNoisy(evidence: Evidence): Promise<Noisy> {
  const cli = await buildCli();
  for (const name of PACKAGES) await cli.install(name);
  const root = mkdtempSync(join(tmpdir(), 'imsvault-leak-'));
  const [cwd, home, run, temp, notes, shims] = ['cwd', 'home', 'run', 'tmp', 'notes', 'bin'].map((name) => {
    mkdirSync(join(root, name), { mode: 0o700 });
    return join(root, name);
  }) as [string, string, string, string, string, string];
  mkdirSync(join(cwd, '.git'));
  // What is run beside: it keeps its own arguments and environment.
  const shim = join(shims, 'systemd-notify');
  writeFileSync(
    shim,
    `#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/cmdline > "${notes}/child-$$.args"\ntr '\\0' '\\n' < /proc/$$/environ > "${notes}/child-$$.environ"\n`,
  );
  chmodSync(shim, 0o700);
  const probe = fileURLToPath(new URL('probe.mjs', import.meta.url));
  const environment = {
    PATH: `${shims}:${process.env.PATH ?? ''}`,
    HOME: home,
    XDG_RUNTIME_DIR: run,
    TMPDIR: temp,
    DEBUG: '*',
    NODE_DEBUG,
    AZURE_LOG_LEVEL: 'verbose',
    NODE_OPTIONS: `--import ${probe}`,
    LEAK_PROBE: notes,
    IMSVAULT_IMS_RETRY_MAX_ATTEMPTS: '2',
    IMSVAULT_IMS_RETRY_BASE_DELAY: '1ms',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };

  const running = new Set<ChildProcess>();
  function start(args: readonly string[], { env = {}, stdin = '' }: NoisyOptions = {}, program = cli.bin) {
    const child = spawn(process.execPath, [program, ...args], {
      cwd,
      env: { ...environment, ...env },
      timeout: 60_000,
    });
    running.add(child);
    const output: Outcome = { code: null, stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    child.stdin.on('error', () => undefined).end(stdin);
    const ended = new Promise<Outcome>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        running.delete(child);
        resolve(Object.assign(output, { code }));
      });
    });
    return { child, output, ended };
  }

  const heard = new Set<string>();
  function seeOutput(name: string, { stdout, stderr }: Outcome, outlet: boolean): void {
    evidence.see(`stderr of ${name}`, stderr);
    for (const [who, pattern] of Object.entries(NOISES)) if (pattern.test(stderr)) heard.add(who);
    if (!outlet) evidence.see(`stdout of ${name}`, stdout);
  }

  return {
    cwd,
    home,
    runtime: run,
    config(name, content) {
      const file = join(cwd, `${name}.json`);
      writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
      return file;
    },
    start: (args, options) => start(args, options),
    async run(args, { outlet = false, ...options } = {}) {
      const outcome = await start(args, options).ended;
      seeOutput(args.join(' '), outcome, outlet);
      return outcome;
    },
    async program(file, options) {
      const outcome = await start([], options, file).ended;
      seeOutput(file, outcome, false);
      return outcome;
    },
    heard: () => [...heard].sort(),
    files: () => filesBelow(root),
    read: (path) => readFileSync(join(root, path), 'utf8'),
    seeFiles(declared) {
      for (const path of filesBelow(root)) {
        if (!declared(path)) evidence.see(`file ${path}`, readFileSync(join(root, path), 'utf8'));
      }
    },
    async remove() {
      for (const child of running) child.kill('SIGKILL');
      rmSync(root, { recursive: true, force: true });
      await cli.remove();
    },
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() === true,
  );
}
