import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAX_MS = 60_000;

export const CLI = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
export const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

/** Runs Node as processes of their own, in a folder with nothing but `files`, which is their home too. */
export function createCommands(files = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-'));
  const file = (name) => join(folder, name);
  const hook = file('usage.cjs');
  for (const [name, content] of Object.entries({ ...files, 'empty.mjs': '' })) {
    writeFileSync(file(name), content, { mode: 0o600 });
  }
  // Not maxRSS: that begins with what this process had when it forked.
  writeFileSync(
    hook,
    `process.on('exit', () => {
  const { readFileSync, writeFileSync } = require('node:fs');
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const [, kib] = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
  const usage = { mib: kib / 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
  writeFileSync(${JSON.stringify(file('usage.json'))}, JSON.stringify(usage));
});`,
  );

  /** @throws where it fails, or has something to say on stderr */
  async function run(args, env = {}) {
    const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, ...env }, timeout: MAX_MS };
    const startedAt = performance.now();
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options);
    const tookMs = performance.now() - startedAt;
    if (stderr !== '') throw new Error(`${args.join(' ')}: ${stderr}`);
    return { tookMs, stdout: stdout.trim() };
  }

  return {
    file,
    run,
    /** Of one more run: its largest resident memory, and what all its threads took of the processors. Linux only. */
    async usage(args, env) {
      await run(['-r', hook, ...args], env);
      return JSON.parse(readFileSync(file('usage.json'), 'utf8'));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
