import { setTimeout as sleep } from 'node:timers/promises';
import { createImsEmulator } from '../../dist/testing.js';
import { table } from '../support/figures.mjs';
import { startAzure, startFleetWorker, startMoto, startOpenBao, startRecordingProxy } from '../support/servers.mjs';

export const title = 'Requests to the store';

const WORKERS = 4;
/** Key Vault's election takes some seconds; with less they would not fit between two renewals. */
const LIFE_SECONDS = 40;
const REST_SECONDS = 30;
const RENEWALS = 3;
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

// Each gives a worker its `tokenStore`, its environment, and a count of what this worker has asked so far.
const STORES = [
  {
    name: 'Vault (OpenBao)',
    async start() {
      const bao = await startOpenBao();
      const auth = { method: 'token', token: bao.adminToken };
      const proxies = createProxies(bao.address, (address) => ({
        block: { provider: 'vault', address, path: 'ims/token', auth },
        env: {},
      }));
      return { worker: proxies.add, close: () => proxies.close().then(() => bao.close()) };
    },
  },
  {
    name: 'AWS Secrets Manager (moto)',
    async start() {
      const moto = await startMoto();
      const keys = await moto.createUser('fleet', ['secretsmanager:*']);
      const proxies = createProxies(moto.endpoint, (endpoint) => ({
        block: { provider: 'aws-secrets-manager', secretId: 'ims/token', region: 'eu-west-1', endpoint },
        env: { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey },
      }));
      return { worker: proxies.add, close: () => proxies.close().then(() => moto.close()) };
    },
  },
  {
    name: 'Azure Key Vault (a stand-in)',
    async start() {
      const azure = await startAzure();
      return {
        async worker() {
          const { clientSecret, ...login } = azure.createApplication('get', 'set', 'list', 'update');
          const clientSecretFile = await azure.file(login.clientId, clientSecret);
          const auth = { method: 'client-secret', ...login, authorityHost: azure.entra.url, clientSecretFile };
          return {
            block: { provider: 'azure-key-vault', ...azure.trust, secretName: 'ims-token', auth },
            env: {},
            count: () => azure.vault.callers.filter((caller) => caller === login.clientId).length,
          };
        },
        close: () => azure.close(),
      };
    },
  },
];

/** A proxy before the store for each worker. */
function createProxies(target, settings) {
  const proxies = [];
  return {
    async add() {
      const proxy = await startRecordingProxy(target);
      proxies.push(proxy);
      return { ...settings(proxy.url), count: () => proxy.requests.length };
    },
    async close() {
      for (const proxy of proxies) await proxy.close();
    },
  };
}

/** Runs a few workers that share a token, and gives what `watch` gives. */
async function withWorkers({ start }, lifeSeconds, watch) {
  const ims = await createImsEmulator({ expiresInSeconds: lifeSeconds }).start();
  const store = await start();
  const workers = [];
  try {
    for (let seed = 1; seed <= WORKERS; seed++) {
      const { block, env, count } = await store.worker();
      const worker = { count, tokens: 0, failures: [] };
      const config = {
        ims: { tokenEndpoint: ims.tokenEndpoint },
        credentials: { provider: 'env' },
        tokenStore: block,
      };
      const onMessage = (message) => {
        if (message.kind === 'token') worker.tokens++;
        else worker.failures.push(message.message);
      };
      const job = { config, env: { ...CREDENTIAL, ...env }, seed, skewMs: 0, tickMs: 250 };
      worker.process = startFleetWorker(job, { onMessage });
      workers.push(worker);
    }
    await until('all workers with a token', () => workers.every(({ tokens }) => tokens >= 1), 60_000);
    const result = await watch(workers);
    const failures = workers.flatMap((worker) => worker.failures);
    if (failures.length > 0) throw new Error(failures.join('\n'));
    return result;
  } finally {
    await Promise.all(workers.map((worker) => worker.process.kill()));
    await store.close();
    await ims.stop();
  }
}

async function until(what, holds, timeoutMs) {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(50);
  }
}

const counts = (workers) => workers.map(({ count }) => count());
const sum = (values) => values.reduce((total, value) => total + value, 0);

async function measureStore(store, log) {
  const atRest = await withWorkers(store, 86_399, async (workers) => {
    // A process looks up a Vault token that others made 10 s after its start, once.
    await sleep(15_000);
    const before = sum(counts(workers));
    await sleep(REST_SECONDS * 1000);
    return sum(counts(workers)) - before;
  });
  log(`${store.name}: ${atRest} requests at rest`);
  const renewals = await withWorkers(store, LIFE_SECONDS, async (workers) => {
    const perRenewal = [];
    for (let token = 2; token < 2 + RENEWALS; token++) {
      // Early in a token's life nobody asks the store for anything.
      await sleep(LIFE_SECONDS * 250);
      const before = counts(workers);
      const all = () => workers.every(({ tokens }) => tokens >= token);
      await until(`token ${token} everywhere`, all, LIFE_SECONDS * 1500);
      await sleep(LIFE_SECONDS * 100);
      perRenewal.push(counts(workers).map((count, index) => count - before[index]));
    }
    return perRenewal;
  });
  log(`${store.name}: ${JSON.stringify(renewals)} requests of the workers at each renewal`);
  const sorted = renewals.map((perWorker) => perWorker.toSorted((a, b) => b - a));
  const others = sorted.flatMap(([, ...rest]) => rest);
  return [
    store.name,
    Math.round((atRest / WORKERS / REST_SECONDS) * 3600),
    Math.max(...sorted.map(([most]) => most)),
    (sum(others) / others.length).toFixed(1),
  ];
}

export async function measure(log) {
  const rows = [];
  for (const store of STORES) rows.push(await measureStore(store, log));
  return `Of ${WORKERS} workers that share a token, counted for each by a proxy of its own, or by its login. At rest: a token of a
day, watched for ${REST_SECONDS} s. At a renewal: ${RENEWALS} of them with tokens of ${LIFE_SECONDS} s; a token of a day has one. The credential
came from the environment; from the store it is one read more for whoever renews.

${table(['store', 'at rest, per worker and hour', 'at a renewal: the busiest worker, at most', 'each other, mean'], rows)}`;
}
