// What a call of `imsvault token` costs beside `node` with an empty file: wall time and the largest resident memory, in
// alternating processes. Prints the rows of docs/costs.md.
//   node scripts/measure-cli.mjs [runs, default 41]
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNS = Number(process.argv[2] ?? 41);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'bin/imsvault.cjs');
const folder = mkdtempSync(join(tmpdir(), 'imsvault-cli-'));
const empty = join(folder, 'empty.js');
const hook = join(folder, 'hook.cjs');
const rssFile = join(folder, 'rss');
writeFileSync(empty, '');
writeFileSync(
  hook,
  `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(rssFile)}, String(process.resourceUsage().maxRSS)));`,
);
mkdirSync(join(folder, 'work/.git'), { recursive: true });
writeFileSync(join(folder, 'work/imsvault.config.yaml'), 'credentials: { provider: env }\n');

const emulator = spawn(process.execPath, [cli, 'emulator'], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const endpoint = await endpointOf(emulator);
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    FUSION_CLIENT_ID: 'emulator-client-id',
    FUSION_CLIENT_SECRET: 'emulator-client-secret',
    IMSVAULT_IMS_TOKEN_ENDPOINT: endpoint,
  };
  const subjects = {
    '`node empty.js`': [empty],
    '`imsvault token`, warm': [cli, 'token'],
    '`imsvault token -o json -c FILE`, warm': [cli, 'token', '-o', 'json', '-c', profiles()],
    '`imsvault token --no-cache` (an exchange with an emulator on this machine)': [cli, 'token', '--no-cache'],
  };
  const options = { cwd: join(folder, 'work'), env, encoding: 'utf8' };
  const once = (args) => {
    const started = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, options);
    if (status !== 0 || stderr !== '') throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
    return performance.now() - started;
  };
  const rss = (args) => {
    once(['-r', hook, ...args]);
    return Number(readFileSync(rssFile, 'utf8')) / 1024;
  };
  const results = Object.fromEntries(Object.keys(subjects).map((name) => [name, { ms: [], mib: [] }]));
  // The first round makes the tokens.
  for (let run = 0; run <= RUNS; run++) {
    for (const [name, args] of Object.entries(subjects)) {
      const [ms, mib] = [once(args), run % 4 === 0 ? rss(args) : undefined];
      if (run > 0) results[name].ms.push(ms);
      if (run > 0 && mib !== undefined) results[name].mib.push(mib);
    }
  }
  const [base] = Object.values(results);
  console.log(`Node ${process.version}, medians of ${RUNS} alternating processes (memory: of ${base.mib.length})\n`);
  console.log('| command | time | beside `node empty.js` | memory more |\n|---|---|---|---|');
  for (const [name, { ms, mib }] of Object.entries(results)) {
    const ratio = median(ms.map((time, index) => time / base.ms[index]));
    const more = median(mib.map((size, index) => size - base.mib[index]));
    console.log(`| ${name} | ${median(ms).toFixed(1)} ms | ${ratio.toFixed(2)}× | ${more.toFixed(1)} MiB |`);
  }
} finally {
  emulator.kill();
  rmSync(folder, { recursive: true, force: true });
}

function profiles() {
  const file = join(folder, 'profiles.yaml');
  writeFileSync(file, 'defaultProfile: a\nprofiles:\n  a: { credentials: { provider: env } }\n  b: {}\n');
  return file;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Reads on after it: the emulator ends when nobody reads what it says. */
function endpointOf(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      const endpoint = /http:\/\/127\.0\.0\.1:\d+\/ims\/token\/v3/.exec(output)?.[0];
      if (endpoint !== undefined) resolve(endpoint);
    });
    child.once('close', () => reject(new Error(`the emulator did not start:\n${output}`)));
  });
}
