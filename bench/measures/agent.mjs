// How many token requests the agent answers beside a bare node:http server that gives the same answer to everybody:
// alternating rounds, each server in a process of its own, 32 kept-alive connections. The load comes from wrk where it
// is installed, else from autocannon. Usage: node bench/measures/agent.mjs [ROUNDS] [SECONDS A ROUND]
import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROUNDS = Number(process.argv[2] ?? 9);
const SECONDS = Number(process.argv[3] ?? 3);
const CONNECTIONS = 32;
const KEY = 'k'.repeat(43);

if (process.env.SUBJECT === undefined) await measure();
else await serve(process.env.SUBJECT);

async function serve(subject) {
  process.on('disconnect', () => process.exit());
  process.on('message', () => process.send({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }));
  const { startAgentServer, AccessToken, systemClock, readAccessToken } = await import(process.env.BUNDLE);
  const now = Date.now();
  const token = new AccessToken({
    accessToken: 'x'.repeat(1000),
    tokenType: 'bearer',
    issuedAt: now,
    expiresAt: now + 86_400_000,
    scope: ['openid', 'AdobeID'],
    clientId: 'client',
  });
  const provider = {
    getToken: async () => token,
    // As the token manager does it: both clocks are read for each call.
    peekToken: () => (systemClock.monotonic() > 0 && systemClock.now() < token.expiresAt ? token : undefined),
    status: () => ({ phase: 'fresh', token: { source: 'vault' }, counters: {} }),
  };
  const profiles = {
    names: ['main'],
    defaultName: 'main',
    get: (name = 'main') => (name === 'main' ? provider : undefined),
  };
  const agent = await startAgentServer({
    listen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
    accessToken: readAccessToken({ path: process.env.TOKEN_FILE, clock: systemClock, warn: console.error }),
    profiles: () => profiles,
    clock: systemClock,
    warn: console.error,
  });
  const { port } = agent.addresses[0];
  if (subject === 'agent') return void process.send({ port });

  const { headers, body } = await answerOf(port);
  await agent.close(0);
  const flat = Object.entries(headers).flat();
  const bare = createServer((_request, response) => response.writeHead(200, flat).end(body));
  bare.keepAliveTimeout = 60_000;
  bare.listen(0, '127.0.0.1', () => process.send({ port: bare.address().port }));
}

/** One answer of the agent, without what node:http adds by itself. */
function answerOf(port) {
  return new Promise((resolve, reject) => {
    const headers = { 'x-imsvault-token': process.env.KEY };
    get({ host: '127.0.0.1', port, path: '/v1/token', headers, agent: false }, (response) => {
      const { date: _date, connection: _connection, ...kept } = response.headers;
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ headers: kept, body }));
    }).on('error', reject);
  });
}

async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-'));
  const children = [];
  try {
    const bundle = join(folder, 'agent.mjs');
    const { build } = await import('esbuild');
    const exported = {
      'src/agent/agent-server.ts': 'startAgentServer',
      'src/agent/access-token-file.ts': 'readAccessToken',
      'src/access-token.ts': 'AccessToken',
      'src/clock.ts': 'systemClock',
    };
    await build({
      stdin: {
        contents: Object.entries(exported)
          .map(([file, name]) => `export { ${name} } from './${file}';`)
          .join('\n'),
        resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
      },
      outfile: bundle,
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['undici'],
      logLevel: 'error',
    });
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, KEY, { mode: 0o600 });
    const subjects = {};
    for (const name of ['bare', 'agent']) {
      const env = { ...process.env, SUBJECT: name, BUNDLE: pathToFileURL(bundle).href, TOKEN_FILE: tokenFile, KEY };
      const child = fork(fileURLToPath(import.meta.url), [], { env });
      children.push(child);
      const { port } = await new Promise((resolve) => child.once('message', resolve));
      subjects[name] = { child, url: `http://127.0.0.1:${port}/v1/token`, rates: [], cpu: [] };
    }
    const idle = await usage(subjects.agent.child);
    const load = await loader();
    for (let round = 0; round < ROUNDS + 1; round++) {
      for (const name of round % 2 === 0 ? ['bare', 'agent'] : ['agent', 'bare']) {
        const { child, url, rates, cpu } = subjects[name];
        const before = await usage(child);
        const { requests, perSecond } = await load(url);
        const after = await usage(child);
        if (round === 0) continue;
        rates.push(perSecond);
        cpu.push((after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system) / requests);
      }
    }
    const { bare, agent } = subjects;
    const rateRatio = median(agent.rates.map((rate, index) => rate / bare.rates[index]));
    const cpuRatio = median(agent.cpu.map((time, index) => bare.cpu[index] / time));
    console.log(
      `Node ${process.version}, ${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, ${load.name}\n`,
    );
    console.log('| | requests/s | µs of CPU a request |\n|---|---|---|');
    for (const [name, { rates, cpu }] of Object.entries(subjects)) {
      console.log(`| ${name} | ${Math.round(median(rates))} | ${median(cpu).toFixed(1)} |`);
    }
    console.log(`| agent / bare | ${rateRatio.toFixed(3)} | ${cpuRatio.toFixed(3)} |`);
    const mib = ({ rss }) => (rss / 2 ** 20).toFixed(1);
    console.log(
      `\nresident: agent idle ${mib(idle)} MiB, after the load ${mib(await usage(agent.child))} MiB, bare ${mib(await usage(bare.child))} MiB`,
    );
  } finally {
    for (const child of children) child.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

function usage(child) {
  child.send({});
  return new Promise((resolve) => child.once('message', resolve));
}

async function loader() {
  try {
    execFileSync('wrk', ['-v'], { stdio: 'ignore' });
  } catch (error) {
    if (error.code === 'ENOENT') return withAutocannon(await import('autocannon'));
  }
  return function wrk(url) {
    const args = ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, '-H', `X-Imsvault-Token: ${KEY}`, url];
    const text = execFileSync('wrk', args, { encoding: 'utf8' });
    if (/Non-2xx|Socket errors/.test(text)) throw new Error(text);
    return {
      requests: Number(/(\d+) requests in/.exec(text)[1]),
      perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]),
    };
  };
}

function withAutocannon({ default: run }) {
  return async function autocannon(url) {
    const headers = { 'x-imsvault-token': KEY };
    const { requests, errors, non2xx } = await run({ url, connections: CONNECTIONS, duration: SECONDS, headers });
    if (errors > 0 || non2xx > 0) throw new Error(`${errors} errors, ${non2xx} refusals`);
    return { requests: requests.total, perSecond: requests.average };
  };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
