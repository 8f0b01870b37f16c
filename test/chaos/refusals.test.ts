import { afterAll, beforeAll, describe, it } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import { sampled } from './support/form.js';
import { createJumpClock } from './support/jump-clock.js';
import { type Link, openLink, type Trouble } from './support/link.js';
import { type End, LIFE_MS, PHASES, type Stage } from './support/phases.js';
import type { Refusal } from './support/refusals.js';
import { awsRefusals } from './support/refusals-of-aws.js';
import { azureRefusals } from './support/refusals-of-azure.js';
import { envRefusals, fileRefusals } from './support/refusals-of-this-machine.js';
import { vaultRefusals } from './support/refusals-of-vault.js';
import { record } from './support/reliability.js';
import { loadSdks } from './support/stores.js';
import { startToxiproxy, type Toxiproxy } from './support/toxiproxy.js';
import { createWorker } from './support/worker.js';

/** Nothing is silent here, so nothing waits for it; a busy machine may. */
const TIMEOUT_MS = 10_000;
const TRIES = 3;

const END: End = {
  error: {
    away: { code: 'ERR_SECRET_UNAVAILABLE', retryable: true },
    untrusted: { code: 'ERR_SECRET_UNAVAILABLE', retryable: false },
    denied: { code: 'ERR_SECRET_ACCESS_DENIED', retryable: false },
    missing: { code: 'ERR_SECRET_NOT_FOUND', retryable: false },
    malformed: { code: 'ERR_SECRET_MALFORMED', retryable: false },
    unset: { code: 'ERR_PROVIDER_NOT_CONFIGURED', retryable: false },
  },
  tries: TRIES,
  requestsPerTry: 6,
  maxRetryAfterMs: 0,
  boundMs: ({ means }) => (means === 'away' ? TRIES : 1) * TIMEOUT_MS,
  bound: ({ means }) => (means === 'away' ? '3 × `credentials.timeout`' : '`credentials.timeout`'),
};

const STORES = [vaultRefusals(), awsRefusals(), azureRefusals(), fileRefusals(), envRefusals()];
const cells = STORES.flatMap(({ provider, refusals }) =>
  refusals.flatMap((is) =>
    (['cold', 'warm', 'renewing'] as const).map((phase) => ({ fault: is.fault, is, provider, phase })),
  ),
);

let toxiproxy: Toxiproxy;
beforeAll(async () => {
  toxiproxy = await startToxiproxy();
  await Promise.all(STORES.map((store) => store.start()));
  await loadSdks();
});
afterAll(async () => {
  await Promise.all(STORES.map((store) => store.close()));
  await toxiproxy?.close();
});

/** There is no way to a store on this machine. */
function localLink(): Link {
  let mend = async (): Promise<unknown> => undefined;
  return {
    url: '',
    counts: () => ({ connections: 0, requests: 0 }),
    async disturb(trouble: Trouble) {
      if (!('strike' in trouble)) throw new Error('no network leads there');
      await trouble.strike();
      mend = trouble.mend;
    },
    heal: async () => void (await mend()),
    close: async () => undefined,
  };
}

async function onStage<T>(refusal: Refusal, act: (stage: Stage) => Promise<T>): Promise<T> {
  const clock = createJumpClock();
  const { url, block, env, trouble, close } = await refusal.open(clock);
  const link = url === undefined ? localLink() : await openLink(toxiproxy, url);
  const ims = await createImsEmulator({ clock, expiresInSeconds: LIFE_MS / 1000 }).start();
  const worker = createWorker(
    { ims: { tokenEndpoint: ims.tokenEndpoint }, credentials: { ...block(link.url), timeout: TIMEOUT_MS } },
    { env, clock },
  );
  try {
    return await act({ worker, link, fault: refusal, trouble, end: END, issued: () => ims.issuedTokens() });
  } finally {
    await worker.close();
    await ims.stop();
    await link.close();
    await close?.();
  }
}

// One after the other: they share a server that is sealed, and a user whose rights are taken.
describe('what a store refuses', () => {
  it.for(sampled(cells, 0.3))('$fault / $provider / $phase', async ({ fault, is, provider, phase }, context) => {
    record(context, { section: 'refusals', fault, provider, phase, ...(await onStage(is, PHASES[phase])) });
  });
});
