import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildPackage } from '../support/built.js';
import { expectNoSecrets } from '../support/leaks.js';
import { CLIENT_SECRET, workspace } from './support.js';

export interface Started {
  child: ChildProcess;
  /** What has come so far. */
  output: { stdout: string; stderr: string };
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>;
}

export interface StartOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  stdin?: string;
  /** In a process group of its own, to which a signal can be sent as a terminal does. */
  detached?: boolean;
}

/** The program as it is now, bundled, and started as a shell does. */
export async function buildProgram() {
  const built = await buildPackage({ cli: 'src/cli/process.ts' });
  await built.install('undici');
  const bin = join(built.file('cli'), '..', 'imsvault.mjs');
  await writeFile(bin, `import { run } from './cli.mjs';\nawait run();\n`);

  return {
    bin,
    install: built.install,
    remove: built.remove,
    async start(
      args: readonly string[],
      { env = {}, cwd, stdin, detached = false }: StartOptions = {},
    ): Promise<Started> {
      const child = spawn(process.execPath, [bin, ...args], {
        cwd: cwd ?? (await workspace()),
        env: { PATH: process.env.PATH ?? '', ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
        detached,
      });
      child.stdin?.end(stdin ?? '');
      const output = { stdout: '', stderr: '' };
      child.stdout?.on('data', (data) => {
        output.stdout += data;
      });
      child.stderr?.on('data', (data) => {
        output.stderr += data;
      });
      const ended = new Promise<Awaited<Started['ended']>>((resolve) => {
        child.once('close', (code, signal) => resolve({ code, signal, ...output }));
      });
      return {
        child,
        output,
        ended: ended.then((end) => {
          expectNoSecrets(end.stderr, [CLIENT_SECRET]);
          return end;
        }),
      };
    },
  };
}

export type Program = Awaited<ReturnType<typeof buildProgram>>;
