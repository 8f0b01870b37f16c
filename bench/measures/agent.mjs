import { createImsEmulator } from '../../dist/testing.js';
import { startBaoProxy } from '../support/bao-proxy.mjs';
import { startBare } from '../support/bare.mjs';
import { median, ms, table } from '../support/figures.mjs';
import { createLoad } from '../support/load.mjs';
import { ask, cpuMs, memory, startAgent } from '../support/processes.mjs';

export const title = 'The agent beside a bare server and bao proxy';

/** Many and short: what else the machine does then meets all of them alike. */
const ROUNDS = 21;
const SECONDS = 1;
const CONNECTIONS = 32;
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

/** What is loaded; each is asked once before, and throws where it is not what its name says. */
async function subjects({ agent, bare, bao, token }) {
  const request = { headers: { 'x-vault-request': 'true' } };
  const all = [
    { name: 'bare node:http', ...bare, path: '/v1/token', headers: {} },
    { name: '`imsvault serve`', ...agent, path: '/v1/token', headers: { 'x-imsvault-token': agent.key } },
    { name: '`bao proxy`, a token from its cache', ...bao, path: '/v1/auth/token/create', ...request },
    { name: '`bao proxy`, a KV read', ...bao, path: '/v1/secret/data/ims/token', ...request },
  ];
  Object.assign(all[2], { method: 'POST', body: '{"ttl":"1h"}' });
  for (const subject of all) {
    // A cache needs one request to be filled.
    await ask(subject.port, subject.path, subject);
    const { status, headers, body } = await ask(subject.port, subject.path, subject);
    const given = subject === all[2] ? headers['x-cache'] === 'HIT' : body.includes(token);
    if (status !== 200 || !given) throw new Error(`${subject.name}: ${status} ${headers['x-cache']}`);
    Object.assign(subject, { idle: memory(subject.pid), rates: [], p99s: [], cpu: [] });
  }
  return all;
}

export async function measure(log) {
  const running = [];
  try {
    const ims = await createImsEmulator().start();
    running.push(ims);
    let hasToken;
    const renewed = new Promise((resolve) => {
      hasToken = resolve;
    });
    const agent = await startAgent({
      config: { ims: { tokenEndpoint: ims.tokenEndpoint }, credentials: { provider: 'env' } },
      env: CREDENTIAL,
      onEvent: (event) => event === 'token-renewed' && hasToken(),
    });
    running.push(agent);
    await renewed;
    const answer = await ask(agent.port, '/v1/token', { headers: { 'x-imsvault-token': agent.key } });
    // What node:http adds by itself.
    const { date: _date, connection: _connection, ...headers } = answer.headers;
    const bare = await startBare({ headers, body: answer.body });
    running.push(bare);
    const bao = await startBaoProxy(JSON.parse(answer.body));
    running.push(bao);
    const [token] = ims.issuedTokens();
    return await compare(await subjects({ agent, bare, bao, token }), log);
  } finally {
    for (const each of running.reverse()) await each.stop();
  }
}

async function compare(all, log) {
  const load = await createLoad({ connections: CONNECTIONS, seconds: SECONDS });
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const subject of round % 2 === 0 ? all : all.toReversed()) {
      const { pid, port, path, headers, method, body, rates, p99s, cpu } = subject;
      const before = cpuMs(pid);
      const url = `http://127.0.0.1:${port}${path}`;
      const { requests, perSecond, p99 } = await load({ url, headers, method, body });
      if (round === 0) continue;
      rates.push(perSecond);
      p99s.push(p99);
      cpu.push(((cpuMs(pid) - before) * 1000) / requests);
    }
    const last = all.map(({ name, rates }) => `${name} ${Math.round(rates.at(-1) ?? 0)}/s`);
    log(`round ${round}: ${round === 0 ? 'to warm up' : last.join(', ')}`);
  }
  const [bare, agent] = all;
  const beside = (values, others) => median(values.map((value, round) => value / others[round])).toFixed(2);
  const rows = all.map(({ name, pid, rates, p99s, cpu, idle }) => [
    name,
    Math.round(median(rates)).toLocaleString('en'),
    beside(rates, bare.rates),
    ms(median(p99s)),
    beside(p99s, bare.p99s),
    median(cpu).toFixed(0),
    `${Math.round(idle)} / ${Math.round(memory(pid))} MiB`,
  ]);
  const [, , cached, read] = all;
  return `Each is a process of its own, on a machine that others use too: ${ROUNDS} rounds of ${SECONDS} s each, one after the other and in
turned order, ${CONNECTIONS} kept-alive connections, loaded by ${load.name}. Medians; a ratio is the median of the rounds' ratios. The bare
server gives the agent's bytes to everybody, and checks nothing. \`bao proxy\` (AppRole login, \`cache {}\`) keeps what has a lease, so
it answers a token's creation from memory, and asks OpenBao for each read of KV; OpenBao's own CPU is not counted.

${table(['', 'requests/s', 'to bare', 'p99', 'to bare', 'µs of CPU a request', 'RSS before / after'], rows)}

The agent answers ${beside(agent.rates, cached.rates)} times as many requests as the proxy from its cache. One request costs the proxy
${beside(cached.cpu, agent.cpu)} times the agent's CPU there, and ${beside(read.cpu, agent.cpu)} times for a KV read.`;
}
