// What an agent of many Vault profiles takes: time until it listens and until each profile has its token, its memory, and
// the requests that the store gets. The store is a stand-in in this process that answers KV v2 reads after LATENCY ms.
// Usage: node bench/measures/agent-profiles.mjs [PROFILES] [LATENCY] [distinct: each profile with a login of its own]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createImsEmulator } from '../../dist/testing.js';

const PROFILES = Number(process.argv[2] ?? 1000);
const LATENCY_MS = Number(process.argv[3] ?? 5);
const DISTINCT = process.argv[4] === 'distinct';
const MAX_MS = 120_000;

const calls = new Map();
let open = 0;
let atOnce = 0;
const secret = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' };
const store = createServer((request, response) => {
  const kind = request.url.startsWith('/v1/secret/data/') ? 'reads of secrets' : request.url.replace(/^\/v1\//, '');
  calls.set(kind, (calls.get(kind) ?? 0) + 1);
  atOnce = Math.max(atOnce, ++open);
  setTimeout(() => {
    open--;
    const data =
      kind === 'reads of secrets'
        ? { data: secret, metadata: { version: 1, created_time: '2030-01-01T00:00:00Z' } }
        : { ttl: 3600, creation_ttl: 3600, renewable: false };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
  }, LATENCY_MS);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => store.once('listening', resolve));
const ims = await createImsEmulator().start();

const folder = mkdtempSync(join(tmpdir(), 'imsvault-agent-profiles-'));
const address = `http://127.0.0.1:${store.address().port}`;
const profiles = Object.fromEntries(
  Array.from({ length: PROFILES }, (_, index) => [
    `p${index}`,
    {
      ims: { tokenEndpoint: ims.tokenEndpoint },
      credentials: {
        provider: 'vault',
        address,
        path: `ims/p${index}`,
        auth: { method: 'token', tokenFile: DISTINCT ? `./token-${index % PROFILES}` : './token' },
      },
    },
  ]),
);
const file = join(folder, 'imsvault.config.json');
writeFileSync(file, JSON.stringify({ agent: { listen: '127.0.0.1:0' }, profiles }), { mode: 0o600 });
writeFileSync(join(folder, 'token'), 'bench-login', { mode: 0o600 });
if (DISTINCT)
  for (let index = 0; index < PROFILES; index++) writeFileSync(join(folder, `token-${index}`), 'bench-login');

const begunAt = performance.now();
const bin = fileURLToPath(new URL('../../bin/imsvault.cjs', import.meta.url));
const child = spawn(process.execPath, [bin, 'serve', '-c', file], {
  env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: folder },
  stdio: ['ignore', 'inherit', 'pipe'],
});
const seconds = () => `${((performance.now() - begunAt) / 1000).toFixed(2)} s`;
const memory = (key) =>
  `${Math.round(Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024)} MiB`;
const timer = setTimeout(() => child.kill(), MAX_MS);
let tokens = 0;
let reloads = 0;
let askedAt = 0;
for await (const line of createInterface({ input: child.stderr })) {
  if (line.includes(': listening')) console.log(`listening after      ${seconds()}, RSS ${memory('VmRSS')}`);
  else if (line.includes(': token-renewed')) {
    if (++tokens !== PROFILES) continue;
    console.log(`all ${PROFILES} tokens after ${seconds()}, RSS ${memory('VmRSS')}, at most ${memory('VmHWM')}`);
    reload();
  } else if (line.includes(': config-reloaded')) {
    console.log(
      `reloaded, unchanged, after ${((performance.now() - askedAt) / 1000).toFixed(2)} s, RSS ${memory('VmRSS')}`,
    );
    if (++reloads < 3) reload();
    else child.kill('SIGTERM');
  } else if (!/stopp/.test(line)) console.log(line);
}
function reload() {
  askedAt = performance.now();
  child.kill('SIGHUP');
}
clearTimeout(timer);
for (const [kind, count] of calls) console.log(`store: ${count} ${kind}`);
console.log(`store: at most ${atOnce} requests at once; IMS: ${ims.exchanges} exchanges`);
store.close();
store.closeAllConnections();
await ims.stop();
rmSync(folder, { recursive: true, force: true });
