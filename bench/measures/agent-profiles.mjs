import { once } from 'node:events';
import { createServer, Agent as HttpAgent } from 'node:http';
import { createImsEmulator } from '../../dist/testing.js';
import { median, ms, percentile, table } from '../support/figures.mjs';
import { ask, memory, startAgent } from '../support/processes.mjs';

export const title = 'An agent of 1,000 profiles and 1,000 connections';

const PROFILES = 1000;
/** All that an agent lets in. */
const CONNECTIONS = 1000;
const STORE_MS = 5;
const RELOADS = 3;
const SWEEPS = 5;
const MAX_MS = 120_000;
const SECRET = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' };
const READS = 'reads of secrets';

/** A stand-in that answers reads of KV v2 and looks at logins after STORE_MS, and counts both. */
async function startStore() {
  const calls = new Map();
  let open = 0;
  let atOnce = 0;
  const server = createServer((request, response) => {
    const isRead = request.url.startsWith('/v1/secret/data/');
    const kind = isRead ? READS : 'others';
    calls.set(kind, (calls.get(kind) ?? 0) + 1);
    atOnce = Math.max(atOnce, ++open);
    setTimeout(() => {
      open--;
      const data = isRead
        ? { data: SECRET, metadata: { version: 1, created_time: '2030-01-01T00:00:00Z' } }
        : { ttl: 3600, creation_ttl: 3600, renewable: false };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
    }, STORE_MS);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    count: (kind) => calls.get(kind) ?? 0,
    atOnce: () => atOnce,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Counts events, and waits for the n-th of a name. */
function createEvents() {
  const counts = new Map();
  let look = () => {};
  return {
    add(event) {
      counts.set(event, (counts.get(event) ?? 0) + 1);
      look();
    },
    until: (event, count) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${counts.get(event) ?? 0} of ${count} ${event}`)), MAX_MS);
        look = () => {
          if ((counts.get(event) ?? 0) < count) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      }),
  };
}

const name = (index) => `p${index}`;
const count = (value) => value.toLocaleString('en');
const mib = (value) => `${Math.round(value)} MiB`;

/** @param loginOf the login file's name of a profile */
async function run(loginOf, log) {
  const store = await startStore();
  const ims = await createImsEmulator().start();
  const events = createEvents();
  const profile = (index) => ({
    ims: { tokenEndpoint: ims.tokenEndpoint },
    credentials: {
      provider: 'vault',
      address: store.address,
      path: `ims/p${index}`,
      auth: { method: 'token', tokenFile: `./${loginOf(index)}` },
    },
  });
  const all = Array.from({ length: PROFILES }, (_, index) => index);
  const begunAt = performance.now();
  const agent = await startAgent({
    config: { profiles: Object.fromEntries(all.map((index) => [name(index), profile(index)])) },
    files: Object.fromEntries(all.map((index) => [loginOf(index), 'bench-login'])),
    onEvent: events.add,
  });
  try {
    const listening = [performance.now() - begunAt, memory(agent.pid)];
    await events.until('token-renewed', PROFILES);
    const tokens = [performance.now() - begunAt, memory(agent.pid)];
    log(`${PROFILES} tokens after ${ms(tokens[0])}`);
    const reloads = [];
    for (let reload = 1; reload <= RELOADS; reload++) {
      const askedAt = performance.now();
      agent.reload();
      await events.until('config-reloaded', reload);
      reloads.push(performance.now() - askedAt);
    }
    if (ims.exchanges !== PROFILES) throw new Error(`${ims.exchanges} exchanges for ${PROFILES} tokens`);
    const requests = [store.count(READS), store.count('others'), store.atOnce()];
    return { listening, tokens, reloads, requests, connections: await connect(agent, ims) };
  } finally {
    await agent.stop();
    store.stop();
    await ims.stop();
  }
}

/** Opens all connections, one for each profile, and asks over them. */
async function connect({ pid, port, key }, ims) {
  const before = memory(pid);
  const clients = Array.from({ length: CONNECTIONS }, (_, index) => ({
    agent: new HttpAgent({ keepAlive: true, maxSockets: 1 }),
    path: `/v1/token?profile=${name(index)}`,
  }));
  async function call({ agent, path }) {
    const begunAt = performance.now();
    const { status, body } = await ask(port, path, { agent, headers: { 'x-imsvault-token': key } });
    const tookMs = performance.now() - begunAt;
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
    return { tookMs, token: JSON.parse(body).access_token };
  }
  try {
    // Not all at once: this is not about the backlog of a socket.
    const first = [];
    for (const client of clients) first.push(await call(client));
    const opened = memory(pid);
    const distinct = new Set(first.map(({ token }) => token));
    if (distinct.size !== PROFILES || ![...distinct].every(ims.isIssued)) throw new Error(`${distinct.size} tokens`);
    const alone = [];
    const together = [];
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      for (const client of clients) alone.push((await call(client)).tookMs);
      const begunAt = performance.now();
      await Promise.all(clients.map(call));
      together.push(performance.now() - begunAt);
    }
    // Else not all of them are open.
    const { status } = await ask(port, '/v1/token', { headers: { 'x-imsvault-token': key } });
    if (status !== 429) throw new Error(`one connection more: ${status}`);
    return { before, opened, after: memory(pid), alone, together };
  } finally {
    for (const { agent } of clients) agent.destroy();
  }
}

export async function measure(log) {
  const shared = await run(() => 'login', log);
  const own = await run((index) => `login-${index}`, log);
  const row = (label, of) => [label, of(shared), of(own)];
  const afterAndMemory = ([took, rss]) => `${ms(took)}, RSS ${mib(rss)}`;
  const rows = [
    row('listening after', ({ listening }) => afterAndMemory(listening)),
    row(`all ${count(PROFILES)} tokens after`, ({ tokens }) => afterAndMemory(tokens)),
    row('a reload without a change', ({ reloads }) => ms(median(reloads))),
    row(
      'requests to the store until then: reads, looks at logins',
      ({ requests: [reads, looks] }) => `${count(reads)}, ${looks}`,
    ),
    row('of these at once, at most', ({ requests }) => requests[2]),
    row(
      `RSS before ${count(CONNECTIONS)} connections, with them, after the requests`,
      ({ connections: { before, opened, after } }) => [before, opened, after].map(mib).join(', '),
    ),
    row('a request over one of them, p50 / p99', ({ connections: { alone } }) =>
      [0.5, 0.99].map((at) => ms(percentile(alone, at))).join(' / '),
    ),
    row(`${count(CONNECTIONS)} requests at once, until the last answer`, ({ connections }) =>
      ms(median(connections.together)),
    ),
  ];
  return `${count(PROFILES)} Vault profiles, of a store that takes ${STORE_MS} ms; store, IMS and clients are this one process, on a machine that others
use too. ${count(CONNECTIONS)} connections are all that an agent lets in. Each asks for another profile, ${SWEEPS} times one after the other and
${SWEEPS} times all at once; times are the client's. Medians where nothing else is said.

${table(['', 'one login for all', 'a login each'], rows)}`;
}
