import { setTimeout as sleep } from 'node:timers/promises';
import { createImsEmulator } from '../../dist/testing.js';
import { table } from '../support/figures.mjs';
import { startFaultProxy, startFleetWorker, startOpenBao } from '../support/servers.mjs';

export const title = 'The store is away';

const WORKERS = 10;
const AWAY_SECONDS = 300;
const SITUATIONS = [
  {
    name: 'valid for an hour, and a renewal has become due',
    life: 3600,
    renewal: { softFractionMin: 0.005, softFractionMax: 0.01 },
  },
  { name: 'of 60 s, so that five of them end meanwhile', life: 60, renewal: {} },
];
/** How a store is away: the mode of the fault proxy. */
const FAULTS = { 'refuses connections': 'reset', 'answers nothing': 'hang' };
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

async function run({ life, renewal }, mode) {
  const ims = await createImsEmulator({ expiresInSeconds: life }).start();
  const bao = await startOpenBao();
  const proxy = await startFaultProxy({ port: bao.port });
  const workers = [];
  let withToken = 0;
  const failures = [];
  try {
    const auth = { method: 'token', token: bao.adminToken };
    const config = {
      ims: { tokenEndpoint: ims.tokenEndpoint },
      credentials: { provider: 'env' },
      tokenStore: { provider: 'vault', address: `http://127.0.0.1:${proxy.port}`, path: 'ims/token', auth },
      renewal,
    };
    for (let seed = 1; seed <= WORKERS; seed++) {
      let first = true;
      const onMessage = (message) => {
        if (message.kind === 'failure') failures.push(message.message);
        else if (first) withToken++;
        if (message.kind === 'token') first = false;
      };
      workers.push(startFleetWorker({ config, env: CREDENTIAL, seed, skewMs: 0, tickMs: 250 }, { onMessage }));
    }
    const deadline = performance.now() + 60_000;
    while (withToken < WORKERS) {
      if (performance.now() > deadline) throw new Error('not all workers got a token');
      await sleep(50);
    }
    const before = { connections: proxy.connections.length, exchanges: ims.exchanges };
    proxy.setMode(mode);
    await sleep(AWAY_SECONDS * 1000);
    const tries = proxy.connections.slice(before.connections);
    const exchanges = ims.exchanges - before.exchanges;
    const reports = await Promise.all(workers.map((worker) => worker.stop()));
    if (reports.includes(undefined)) throw new Error('a worker died');
    const expired = reports.reduce((sum, report) => sum + report.expired, 0);
    if (expired > 0 || failures.length > 0) throw new Error(`${expired} expired tokens; ${failures.join('; ')}`);
    const busiest = Math.max(...tries.map((from) => tries.filter((at) => at >= from && at < from + 60_000).length));
    return {
      perMinute: tries.length / WORKERS / (AWAY_SECONDS / 60),
      busiest: busiest / WORKERS,
      exchanges: exchanges / WORKERS,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await proxy.close();
    await bao.close();
    await ims.stop();
  }
}

export async function measure() {
  const runs = SITUATIONS.flatMap((situation) =>
    Object.entries(FAULTS).map(async ([fault, mode]) => {
      const { perMinute, busiest, exchanges } = await run(situation, mode);
      return [situation.name, fault, perMinute.toFixed(1), busiest.toFixed(1), exchanges.toFixed(1)];
    }),
  );
  const head = ['tokens', 'the store', 'tries per worker and minute', 'in the busiest minute', 'exchanges per worker'];
  return `${WORKERS} workers lose their store (OpenBao) for ${AWAY_SECONDS / 60} minutes. No call failed, and no expired token was handed out. Connections are
counted where the store was.

${table(head, await Promise.all(runs))}`;
}
