import { setTimeout as sleep } from 'node:timers/promises';
import { createImsEmulator } from '../../dist/testing.js';
import { table } from '../support/figures.mjs';
import { startFleetWorker, startMoto, startOpenBao, startRecordingProxy } from '../support/servers.mjs';

export const title = 'Requests to the store';

const WORKERS = 4;
const LIFE_SECONDS = 20;
const REST_SECONDS = 30;
const RENEWALS = 3;
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

const STORES = [
  {
    name: 'Vault (OpenBao)',
    async start() {
      const bao = await startOpenBao();
      const auth = { method: 'token', token: bao.adminToken };
      return {
        address: bao.address,
        env: {},
        block: (address) => ({ provider: 'vault', address, path: 'ims/token', auth }),
        close: () => bao.close(),
      };
    },
  },
  {
    name: 'AWS Secrets Manager (moto)',
    async start() {
      const moto = await startMoto();
      const keys = await moto.createUser('fleet', ['secretsmanager:*']);
      const store = { provider: 'aws-secrets-manager', secretId: 'ims/token', region: 'eu-west-1' };
      return {
        address: moto.endpoint,
        env: { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey },
        block: (endpoint) => ({ ...store, endpoint }),
        close: () => moto.close(),
      };
    },
  },
];

/** Runs a few workers, each with a proxy of its own before the store; gives what `watch` gives. */
async function withWorkers({ start }, lifeSeconds, watch) {
  const ims = await createImsEmulator({ expiresInSeconds: lifeSeconds }).start();
  const store = await start();
  const workers = [];
  try {
    for (let index = 0; index < WORKERS; index++) {
      const proxy = await startRecordingProxy(store.address);
      const worker = { proxy, tokens: 0, failures: [] };
      const job = {
        config: {
          ims: { tokenEndpoint: ims.tokenEndpoint },
          credentials: { provider: 'env' },
          tokenStore: store.block(proxy.url),
        },
        env: { ...CREDENTIAL, ...store.env },
        seed: index + 1,
        skewMs: 0,
        tickMs: 250,
      };
      worker.process = startFleetWorker(job, {
        onMessage(message) {
          if (message.kind === 'token') worker.tokens++;
          else worker.failures.push(message.message);
        },
      });
      workers.push(worker);
    }
    await until(() => workers.every(({ tokens }) => tokens >= 1), 60_000);
    const result = await watch(workers);
    const failures = workers.flatMap((worker) => worker.failures);
    if (failures.length > 0) throw new Error(failures.join('\n'));
    return result;
  } finally {
    for (const { process: worker, proxy } of workers) {
      await worker?.kill();
      await proxy.close();
    }
    await store.close();
    await ims.stop();
  }
}

async function until(holds, timeoutMs) {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms`);
    await sleep(50);
  }
}

/** Requests of each worker since the last call. */
function countSince(workers) {
  return workers.map(({ proxy }) => proxy.requests.splice(0).length);
}

async function measureStore(store, log) {
  const atRest = await withWorkers(store, 86_399, async (workers) => {
    await sleep(3000);
    countSince(workers);
    await sleep(REST_SECONDS * 1000);
    return countSince(workers).reduce((sum, count) => sum + count, 0);
  });
  log(`${store.name}: ${atRest} requests at rest`);
  const renewals = await withWorkers(store, LIFE_SECONDS, async (workers) => {
    const counts = [];
    for (let round = 2; round < 2 + RENEWALS; round++) {
      await until(() => workers.every(({ tokens }) => tokens >= round), LIFE_SECONDS * 2000);
      // What the publisher writes beside the document comes last.
      await sleep(LIFE_SECONDS * 250);
      const perWorker = countSince(workers).sort((a, b) => b - a);
      // The first round has the start in it.
      if (round > 2) counts.push(perWorker);
    }
    return counts;
  });
  const renewer = renewals.map(([first]) => first);
  const others = renewals.flatMap(([, ...rest]) => rest);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [store.name, (atRest / WORKERS / REST_SECONDS) * 3600, Math.max(...renewer), mean(others).toFixed(1)];
}

export async function measure(log) {
  const rows = [];
  for (const store of STORES) rows.push(await measureStore(store, log));
  return `Counted by a proxy for each of ${WORKERS} workers that share a token. At rest: tokens of a day, watched for ${REST_SECONDS} s.
Renewals: ${RENEWALS - 1} with tokens of ${LIFE_SECONDS} s; the figures are for each renewal, and a token of a day has about one a day. The credential's read
(one request) is not in them: here it came from the environment.

${table(['store', 'at rest, per worker and hour', 'who renews, at most', 'each other worker, mean'], rows)}`;
}
