import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import { startAwsLimitsProxy } from './servers/aws-limits-proxy.js';
import { type FleetWorker, startFleetWorker } from './servers/fleet-worker.js';
import { type KillPoint, type KillProxy, startKillProxy } from './servers/kill-proxy.js';
import { startMoto } from './servers/moto.js';
import { startOpenBao } from './servers/openbao.js';

/** A slow start, and then a claim that dies (20 s) and is replaced while the old token is valid, as with a life of a day. */
const LIFE_SECONDS = 100;
const KILL_TIMEOUT_MS = 50_000;
/** The one that is killed renews as soon as it has started. */
const FIRST = { softFractionMin: 0.03, softFractionMax: 0.04 };
/** The others do later, and not before they go on after the kill. */
const OTHERS = { softFractionMin: 0.2, softFractionMax: 0.22, background: false };
/** From the others' first look: a claim's ttl, a quarter of it between two looks, and 10 s for the renewal itself. */
const BOUND_MS = 20_000 + 5000 + 10_000;
/** Of a call while the old token is valid. */
const LONGEST_WAIT_MS = 2000;
const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

interface Store {
  address: string;
  env: Record<string, string>;
  isWrite: KillPoint['matches'];
  /** The `tokenStore` block for a secret of its own, reached at `address`. */
  block(name: string, address: string): object;
  close(): Promise<void>;
}

/** Where a renewer dies. */
interface Death {
  name: string;
  at: 'store' | 'ims';
  point: KillPoint;
  /** Of its writes, how many reach the store. */
  writes: number;
  /** From the first generation to the second, in all. */
  exchanges: 1 | 2;
}

/** A write that is not sent, and one that is stored and not answered. */
function aroundWrite(
  what: string,
  {
    matches,
    nth,
    writes,
    exchanges,
  }: { matches: KillPoint['matches']; nth: number; writes: number; exchanges: (1 | 2)[] },
): Death[] {
  const [unsent = 1, unanswered = unsent] = exchanges;
  return [
    { name: `before ${what}`, at: 'store', point: { matches, nth, before: 'request' }, writes, exchanges: unsent },
    {
      name: `after ${what}, before its answer`,
      at: 'store',
      point: { matches, nth, before: 'answer' },
      writes: writes + 1,
      exchanges: unanswered,
    },
  ];
}

/** @param writes what a claim takes */
function aroundExchange(writes: number): Death[] {
  // The first exchange is the one of the first generation.
  const point = { matches: (request: string) => request === 'POST /ims/token/v3', nth: 2 };
  return [
    { name: 'before IMS is asked', at: 'ims', point: { ...point, before: 'request' }, writes, exchanges: 1 },
    { name: 'after the exchange', at: 'ims', point: { ...point, before: 'answer' }, writes, exchanges: 2 },
  ];
}

const isVaultWrite = (request: string) => /^(POST|PUT) \/v1\/secret\/data\//.test(request);
const isDecision = (request: string) => request === 'PutSecretValue';
const isMove = (request: string) => request === 'UpdateSecretVersionStage';

const stores: { name: string; start: () => Promise<Store>; deaths: Death[] }[] = [
  {
    name: 'OpenBao',
    async start() {
      const bao = await startOpenBao();
      const auth = { method: 'token', token: bao.adminToken };
      return {
        address: bao.address,
        env: {},
        isWrite: isVaultWrite,
        block: (name, address) => ({ provider: 'vault', address, path: `ims/${name}`, auth }),
        close: () => bao.close(),
      };
    },
    deaths: [
      ...aroundWrite('the claim', { matches: isVaultWrite, nth: 1, writes: 0, exchanges: [1] }),
      ...aroundExchange(1),
      ...aroundWrite('the publication', { matches: isVaultWrite, nth: 2, writes: 1, exchanges: [2, 1] }),
    ],
  },
  {
    name: 'AWS Secrets Manager',
    async start() {
      const moto = await startMoto();
      const limits = await startAwsLimitsProxy(moto.port);
      const keys = await moto.createUser('fleet', ['secretsmanager:*']);
      const block = { provider: 'aws-secrets-manager', region: 'eu-west-1' };
      return {
        address: limits.endpoint,
        env: { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey },
        isWrite: (request) => isDecision(request) || isMove(request),
        block: (name, endpoint) => ({ ...block, secretId: `ims/${name}`, endpoint }),
        async close() {
          await limits.close();
          await moto.close();
        },
      };
    },
    deaths: [
      ...aroundWrite('the claim', { matches: isDecision, nth: 1, writes: 0, exchanges: [1] }),
      ...aroundWrite("the claim's move to AWSCURRENT", { matches: isMove, nth: 1, writes: 1, exchanges: [1] }),
      ...aroundExchange(2),
      // Once it is written, anybody who sees it stand still makes it current.
      ...aroundWrite('the publication', { matches: isDecision, nth: 2, writes: 2, exchanges: [2, 1] }),
      ...aroundWrite("the publication's move to AWSCURRENT", { matches: isMove, nth: 2, writes: 3, exchanges: [1] }),
    ],
  },
];

/** A process that shares the token, and what it has told. */
interface Running extends FleetWorker {
  /** Each with the moment when it came. */
  tokens: { digest: string; at: number }[];
  failures: string[];
}

function run(config: object, env: Record<string, string>, seed: number, pauseAtFirst: boolean): Running {
  const tokens: { digest: string; at: number }[] = [];
  const failures: string[] = [];
  const worker = startFleetWorker(
    { config, env: { ...CREDENTIAL, ...env }, seed, skewMs: 0, tickMs: 250, pauseAtFirst },
    {
      onMessage(message) {
        if (message.kind === 'token') tokens.push({ digest: message.digest, at: performance.now() });
        else failures.push(message.message);
      },
    },
  );
  return { ...worker, tokens, failures };
}

async function until(what: string, timeoutMs: number, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** One renewer is killed at the point; two others, which paused meanwhile, go on. */
async function kill({ at, point }: Death, name: string, store: Store) {
  const ims = await createImsEmulator({ expiresInSeconds: LIFE_SECONDS }).start();
  const started: Running[] = [];
  const proxies: KillProxy[] = [];
  try {
    let victim: Running | undefined;
    const end = async () => victim?.kill();
    const [storeProxy, imsProxy] = await Promise.all([
      startKillProxy(store.address, at === 'store' ? point : undefined, end),
      startKillProxy(ims.url, at === 'ims' ? point : undefined, end),
    ]);
    proxies.push(storeProxy, imsProxy);
    // All name the same endpoint, else they would not share a token.
    const config = (storeUrl: string, renewal: object) => ({
      ims: { tokenEndpoint: `${imsProxy.url}/ims/token/v3` },
      credentials: { provider: 'env' },
      tokenStore: store.block(name, storeUrl),
      renewal,
    });
    const others = [1, 2].map((seed) => run(config(store.address, OTHERS), store.env, seed, true));
    started.push(...others);
    await until('the first token', 60_000, () => others.every(({ tokens }) => tokens.length >= 1)).catch((error) => {
      throw new Error(`${error.message}: ${others.flatMap(({ failures }) => failures).join('; ')}`);
    });
    const exchangesBefore = ims.exchanges;

    const dying = run(config(storeProxy.url, FIRST), store.env, 3, false);
    victim = dying;
    started.push(dying);
    const killer = at === 'store' ? storeProxy : imsProxy;
    await until('the kill', KILL_TIMEOUT_MS, () => killer.hasKilled() || !dying.isRunning());
    for (const other of others) other.resume();
    const dueAt =
      Math.max(...others.map(({ tokens }) => tokens[0]?.at ?? 0)) + OTHERS.softFractionMax * LIFE_SECONDS * 1000;
    const lookAt = Math.max(performance.now(), dueAt);
    await until('the next token', LIFE_SECONDS * 1000, () => others.every(({ tokens }) => tokens.length >= 2));
    const renewedAt = Math.max(...others.map(({ tokens }) => tokens[1]?.at ?? 0));
    const exchanges = ims.exchanges - exchangesBefore;
    const reports = await Promise.all(others.map((other) => other.stop()));
    return {
      firstTokens: exchangesBefore,
      killed: killer.hasKilled() && !dying.isRunning(),
      writes: storeProxy.requests.filter(store.isWrite).length,
      exchanges,
      tokens: new Set(others.map(({ tokens }) => tokens[1]?.digest)).size,
      renewedWithinMs: renewedAt - lookAt,
      failures: [...others.flatMap((other) => other.failures), ...dying.failures],
      expired: reports.map((report) => report?.expired),
      longestWaitMs: Math.max(...reports.map((report) => Math.max(...(report?.waits.slice(1) ?? [])))),
      warnings: reports.flatMap((report) => report?.warnings ?? []),
    };
  } finally {
    await Promise.all(started.map((each) => each.kill()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await ims.stop();
  }
}

describe.each(stores)('a renewer that is killed, with $name', ({ start, deaths: all }) => {
  let store: Store;
  /** All at once: each takes a claim's ttl. */
  let outcomes: Promise<PromiseSettledResult<Awaited<ReturnType<typeof kill>>>[]>;

  beforeAll(async () => {
    store = await start();
    outcomes = Promise.allSettled(all.map((death, index) => kill(death, `kill-${index}`, store)));
    await outcomes;
  }, 240_000);
  afterAll(() => store?.close());

  it.each(all.map((death, index) => ({ ...death, index })))('$name', async ({ index, writes, exchanges }) => {
    const outcome = (await outcomes)[index];
    if (outcome?.status !== 'fulfilled') throw outcome?.reason;
    expect(outcome.value).toMatchObject({
      firstTokens: 1,
      killed: true,
      writes,
      exchanges,
      tokens: 1,
      failures: [],
      expired: [0, 0],
      warnings: [],
    });
    expect(outcome.value.renewedWithinMs).toBeLessThan(BOUND_MS);
    // Meanwhile they go on with the token that they have.
    expect(outcome.value.longestWaitMs).toBeLessThan(LONGEST_WAIT_MS);
  });
});
