import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createImsEmulator } from '../../dist/testing.js';
import { ms, table } from '../support/figures.mjs';
import { startOpenBao } from '../support/servers.mjs';

export const title = '8 cold processes at once, on one machine';

const PROCESSES = 8;
const CLI = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

/** `imsvault token` so many times at once, in a home where none has run before. */
async function run({ tokenStore, args = [] }) {
  const ims = await createImsEmulator().start();
  ims.fail({ kind: 'latency', ms: 200 });
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-'));
  try {
    const config = join(folder, 'config.json');
    const shared = tokenStore === undefined ? {} : { tokenStore };
    writeFileSync(
      config,
      JSON.stringify({ ims: { tokenEndpoint: ims.tokenEndpoint }, credentials: { provider: 'env' }, ...shared }),
    );
    const env = { PATH: process.env.PATH ?? '', HOME: folder, ...CREDENTIAL };
    const token = () =>
      new Promise((resolve, reject) => {
        const command = [CLI, '--config', config, 'token', ...args];
        execFile(process.execPath, command, { env, timeout: 60_000 }, (error, stdout, stderr) =>
          error === null ? resolve(stdout.trim()) : reject(new Error(stderr || String(error))),
        );
      });
    const startedAt = performance.now();
    const tokens = await Promise.all(Array.from({ length: PROCESSES }, token));
    const tookMs = performance.now() - startedAt;
    if (!tokens.every((each) => ims.isIssued(each))) throw new Error('a process printed no token of IMS');
    return { exchanges: ims.exchanges, tookMs };
  } finally {
    await ims.stop();
    rmSync(folder, { recursive: true });
  }
}

export async function measure() {
  const bao = await startOpenBao();
  try {
    const auth = { method: 'token', token: bao.adminToken };
    const tokenStore = { provider: 'vault', address: bao.address, path: 'ims/token', auth };
    const args = ['--no-cache'];
    const cached = await run({});
    const shared = await run({ tokenStore, args });
    const alone = await run({ args });
    if (cached.exchanges !== 1) throw new Error(`${cached.exchanges} exchanges with the cache`);
    if (shared.exchanges !== 1) throw new Error(`${shared.exchanges} exchanges with a token store`);
    const row = (name, { exchanges, tookMs }) => [name, exchanges, ms(tookMs)];
    return table(
      ['', 'exchanges', 'until the last has printed its token'],
      [
        row('`imsvault token`: they share the cache of the user', cached),
        row('`imsvault token --no-cache`, with a `tokenStore` in OpenBao', shared),
        row('`imsvault token --no-cache` alone', alone),
      ],
    );
  } finally {
    await bao.close();
  }
}
