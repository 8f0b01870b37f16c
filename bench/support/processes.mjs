import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
const MAX_LIFE_MS = 300_000;

/** Resident memory of a process of this machine, in MiB. Linux only. */
export function memory(pid) {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(kib) / 1024;
}

/** Milliseconds of CPU that a process has taken, in steps of 10. Linux only: proc(5), utime and stime. */
export function cpuMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

/**
 * `imsvault serve` on a free port.
 * @param files further ones of its folder, by name
 * @param onEvent gets the name of each event of its log
 */
export async function startAgent({ config, env = {}, files = {}, onEvent = () => {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-agent-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const file = join(folder, 'imsvault.config.json');
  writeFileSync(file, JSON.stringify({ agent: { listen: '127.0.0.1:0' }, ...config }), { mode: 0o600 });
  const child = spawn(process.execPath, [BIN, 'serve', '-c', file], {
    env: { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: folder, ...env },
    stdio: ['ignore', 'inherit', 'pipe'],
    timeout: MAX_LIFE_MS,
  });
  const ended = once(child, 'close');
  let log = '';
  const port = await new Promise((resolve, reject) => {
    child.once('close', () => reject(new Error(`the agent ended:\n${log}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const [, event] = /\b(listening|token-renewed|token-renewal-failed|config-reloaded)\b/.exec(line) ?? [];
      if (event === undefined) log += `${line}\n`;
      else onEvent(event);
      if (event === 'listening') resolve(Number(/127\.0\.0\.1:(\d+)/.exec(line)[1]));
    });
  });
  return {
    pid: child.pid,
    port,
    key: readFileSync(join(folder, 'imsvault-agent-token'), 'utf8').trim(),
    reload: () => child.kill('SIGHUP'),
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One request; without an `agent` over a connection of its own. */
export function ask(port, path, { headers = {}, method = 'GET', body = '', agent = false } = {}) {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      let text = '';
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
      response.on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}
