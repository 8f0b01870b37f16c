import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Loads a server over kept-alive connections: by wrk, in a process of its own, where it is installed; else by autocannon, in
 * this one. Either gives `{ requests, perSecond, p99 }`, p99 in milliseconds, and throws where an answer was no 2xx.
 */
export async function createLoad({ connections, seconds }) {
  try {
    execFileSync('wrk', ['-v'], { stdio: 'ignore' });
  } catch (error) {
    if (error.code === 'ENOENT') return withAutocannon(await import('autocannon'), { connections, seconds });
    // It ends with 1 after its version.
  }
  return async function wrk({ url, headers, method = 'GET', body }) {
    const folder = mkdtempSync(join(tmpdir(), 'imsvault-wrk-'));
    try {
      const script = join(folder, 'request.lua');
      const lines = Object.entries(headers).map(([name, value]) => `wrk.headers['${name}'] = '${value}'`);
      const payload = body === undefined ? [] : [`wrk.body = '${body}'`];
      writeFileSync(script, [`wrk.method = '${method}'`, ...lines, ...payload].join('\n'), { mode: 0o600 });
      const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '-s', script, url];
      // Not the synchronous one: what is loaded may log to this process, and waits when nobody reads.
      const { stdout: text } = await promisify(execFile)('wrk', args);
      if (/Non-2xx|Socket errors/.test(text)) throw new Error(text);
      const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)\b/.exec(text);
      return {
        requests: Number(/(\d+) requests in/.exec(text)[1]),
        perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]),
        p99: Number(p99) * { us: 0.001, ms: 1, s: 1000 }[unit],
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

function withAutocannon({ default: run }, { connections, seconds }) {
  return async function autocannon(options) {
    const { requests, latency, errors, non2xx } = await run({ ...options, connections, duration: seconds });
    if (errors > 0 || non2xx > 0) throw new Error(`${errors} errors, ${non2xx} refusals`);
    return { requests: requests.total, perSecond: requests.average, p99: latency.p99 };
  };
}
