import { afterAll, beforeAll, describe, it } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import { FAULTS, type Fault } from './support/faults.js';
import { sampled } from './support/form.js';
import { createJumpClock } from './support/jump-clock.js';
import { openLink } from './support/link.js';
import { takePace } from './support/pace.js';
import { type End, LIFE_MS, PHASES, type Stage } from './support/phases.js';
import { record } from './support/reliability.js';
import { type ChaosStore, loadSdks, START, STORES, type StoreName } from './support/stores.js';
import { startToxiproxy, type Toxiproxy } from './support/toxiproxy.js';
import { createWorker } from './support/worker.js';

const unavailable = (retryable: boolean) => ({ code: 'ERR_SECRET_UNAVAILABLE', retryable }) as const;
const TRIES = 3;
const MAX_RETRY_AFTER_MS = 5000;

/** Vault: finding out the KV version, and the read, each with one more where the login is doubted. Key Vault: the challenge. */
const REQUESTS_PER_TRY: Record<StoreName, number> = { vault: 5, 'aws-secrets-manager': 1, 'azure-key-vault': 3 };

const endOf = (side: StoreName): End => ({
  error: { away: unavailable(true), untrusted: unavailable(false), foreign: unavailable(false) },
  tries: TRIES,
  requestsPerTry: REQUESTS_PER_TRY[side],
  maxRetryAfterMs: MAX_RETRY_AFTER_MS,
  boundMs: ({ means, retryAfterMs }) =>
    means === 'away'
      ? TRIES * timeoutMs + (TRIES - 1) * Math.min(retryAfterMs?.[1] ?? 0, MAX_RETRY_AFTER_MS)
      : timeoutMs,
  bound: ({ means, retryAfterMs }) =>
    means === 'away'
      ? `3 × \`credentials.timeout\`${retryAfterMs === undefined ? '' : ' and 2 × Retry-After, of which 5 s at most'}`
      : '`credentials.timeout`',
});

const SECRET = 'ims-fusion';
const CREDENTIAL = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' };
const stores = new Map<StoreName, ChaosStore>();
let toxiproxy: Toxiproxy;
/** Of one read of the store. */
let timeoutMs = 30_000;

const cells = FAULTS.flatMap((fault) =>
  STORES.flatMap((provider) =>
    (['cold', 'warm', 'renewing'] as const).map((phase) => ({ fault: fault.fault, is: fault, provider, phase })),
  ),
);

beforeAll(async () => {
  toxiproxy = await startToxiproxy();
  await Promise.all(
    STORES.map(async (name) => {
      const store = await START[name]();
      stores.set(name, store);
      await store.put(SECRET, CREDENTIAL);
    }),
  );
  await loadSdks();
  const healthy = FAULTS[0] as Fault;
  const call = (name: StoreName) => onStage(name, healthy, ({ worker }) => worker.getToken());
  timeoutMs = await takePace(() => Promise.all(STORES.map(call)));
});
afterAll(async () => {
  for (const store of stores.values()) await store.close();
  await toxiproxy?.close();
});

/** A worker of its own, and its link to the store. */
async function onStage<T>(name: StoreName, fault: Fault, act: (stage: Stage) => Promise<T>): Promise<T> {
  const store = stores.get(name) as ChaosStore;
  const link = await openLink(toxiproxy, store.url);
  const clock = createJumpClock();
  const ims = await createImsEmulator({ clock, expiresInSeconds: LIFE_MS / 1000 }).start();
  const worker = createWorker(
    {
      ims: { tokenEndpoint: ims.tokenEndpoint },
      credentials: { ...store.block(link.url, SECRET), timeout: Math.round(timeoutMs) },
    },
    { env: store.env, clock },
  );
  try {
    return await act({
      worker,
      link,
      fault,
      trouble: fault.on(name),
      end: endOf(name),
      issued: () => ims.issuedTokens(),
    });
  } finally {
    await worker.close();
    await ims.stop();
    await link.close();
  }
}

describe.concurrent('the store of the credential', () => {
  it.for(sampled(cells, 0.2))('$fault / $provider / $phase', async ({ fault, is, provider, phase }, context) => {
    const seen = await onStage(provider, is, PHASES[phase]);
    record(context, { section: 'credential-store', fault, provider, phase, ...seen });
  });
});
