import { createImsEmulator } from '../../dist/testing.js';
import { startBaoProxy } from '../support/bao-proxy.mjs';
import { startBare } from '../support/bare.mjs';
import { median, ms, table } from '../support/figures.mjs';
import { createLoad } from '../support/load.mjs';
import { ask, cpuMs, memory, startAgent } from '../support/processes.mjs';
import { inTurn, ratioTo } from '../support/rounds.mjs';

export const title = 'The agent beside a bare server and bao proxy';

/** Many and short: what else the machine does then meets all of them alike. */
const ROUNDS = 21;
const SHORT_ROUNDS = 5;
const SECONDS = 1;
const CONNECTIONS = 32;
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };
/** MiB, with Node 20: later versions take 10 to 20 more themselves. */
const MAX_RSS = 80;
/** MiB above the bare server's. */
const RSS_CEILING = 40;
/** The CPU of a request beside a bare server's, which noise moves less than requests a second; 1.05 when it was written. */
const CPU_CEILING = 1.4;

/** What is loaded; each is asked once before, and throws where it is not what its name says. */
async function subjects({ agent, bare, bao, token }) {
  // The bare server is asked the same, so that both read the same bytes.
  const get = { path: '/v1/token', headers: { 'x-imsvault-token': agent.key } };
  const request = { headers: { 'x-vault-request': 'true' } };
  const create = { ...request, path: '/v1/auth/token/create', method: 'POST', body: '{"ttl":"1h"}', fromCache: true };
  const all = [
    { name: 'bare node:http', ...bare, ...get },
    { name: '`imsvault serve`', ...agent, ...get },
    bao && { name: '`bao proxy`, a token from its cache', ...bao, ...create },
    bao && { name: '`bao proxy`, a KV read', ...bao, ...request, path: '/v1/secret/data/ims/token' },
  ].filter((subject) => subject !== undefined);
  for (const subject of all) {
    // A cache needs one request to be filled.
    await ask(subject.port, subject.path, subject);
    const { status, headers, body } = await ask(subject.port, subject.path, subject);
    const given = subject.fromCache ? headers['x-cache'] === 'HIT' : body.includes(token);
    if (status !== 200 || !given) throw new Error(`${subject.name}: ${status} ${headers['x-cache']}`);
    subject.idle = memory(subject.pid);
  }
  return all;
}

export async function measure(log, { short, atMost, draw }) {
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
    const bao = short ? undefined : await startBaoProxy(JSON.parse(answer.body));
    if (bao !== undefined) running.push(bao);
    const [token] = ims.issuedTokens();
    const all = await subjects({ agent, bare, bao, token });
    const rounds = short ? SHORT_ROUNDS : ROUNDS;
    const load = await createLoad({ connections: CONNECTIONS, seconds: SECONDS });
    const results = await loadInTurn(all, rounds, load, log);
    atMost('the CPU of a request, beside a bare server', ratioTo(results[1].cpu, results[0].cpu), CPU_CEILING);
    atMost('MiB above a bare server', results[1].rss - results[0].rss, RSS_CEILING);
    draw({ axis: 'requests a second', scale: 'linear', bars: results.map(({ name, rates }) => [name, median(rates)]) });
    return page(results, rounds, load.name);
  } finally {
    for (const each of running.reverse()) await each.stop();
  }
}

async function loadInTurn(all, rounds, load, log) {
  const results = await inTurn(all, rounds, async ({ name, pid, port, path, headers, method, body }) => {
    const before = cpuMs(pid);
    const { requests, perSecond, p99 } = await load({ url: `http://127.0.0.1:${port}${path}`, headers, method, body });
    log(`${name}: ${Math.round(perSecond)}/s`);
    return { perSecond, p99, cpu: ((cpuMs(pid) - before) * 1000) / requests };
  });
  return all.map(({ name, pid, idle }, at) => ({
    name,
    idle,
    rss: memory(pid),
    rates: results[at].map(({ perSecond }) => perSecond),
    p99s: results[at].map(({ p99 }) => p99),
    cpu: results[at].map(({ cpu }) => cpu),
  }));
}

function page(results, rounds, loader) {
  const [bare, agent, cached, read] = results;
  const to = (values, base) => ratioTo(values, base).toFixed(2);
  const rows = results.map(({ name, rates, p99s, cpu, idle, rss }) => [
    name,
    Math.round(median(rates)).toLocaleString('en'),
    to(rates, bare.rates),
    ms(median(p99s)),
    to(p99s, bare.p99s),
    `${median(cpu).toFixed(1)} µs`,
    to(cpu, bare.cpu),
    `${Math.round(idle)} / ${Math.round(rss)} MiB`,
  ]);
  const goals = [
    ['requests/s beside the bare server', '≥ 0.9', to(agent.rates, bare.rates)],
    ['p99 beside the bare server', '≤ 1.15', to(agent.p99s, bare.p99s)],
    [
      'RSS after the load',
      `≤ ${MAX_RSS} MiB`,
      `${Math.round(agent.rss)} MiB, the bare server's + ${Math.round(agent.rss - bare.rss)}`,
    ],
    read && ["requests/s beside `bao proxy`'s KV reads", '≥ 8', to(agent.rates, read.rates)],
    cached && ['requests/s beside `bao proxy` from its cache', 'none', to(agent.rates, cached.rates)],
  ];
  return `Each is a process of its own, on a machine that others use too: ${rounds} rounds of ${SECONDS} s each, in turned order, ${CONNECTIONS} kept-alive
connections, loaded by ${loader}. Medians; a ratio is the median of the rounds' ratios. The bare server is asked
the same, gives the agent's bytes to everybody, and checks nothing. \`bao proxy\` (AppRole login, \`cache {}\`) keeps what has a
lease: it answers a token's creation from memory, and asks OpenBao for each read of KV; OpenBao's own CPU is not counted.

${table(['', 'requests/s', 'to bare', 'p99', 'to bare', 'CPU of a request', 'to bare', 'RSS before / after'], rows)}

${table(
  ['the agent', 'goal', 'measured'],
  goals.filter((goal) => goal !== undefined),
)}`;
}
