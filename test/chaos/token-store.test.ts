import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessToken } from '../../src/access-token.js';
import { ImsvaultError } from '../../src/errors.js';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { FAULTS, type Fault, type Meaning } from './support/faults.js';
import { sampled } from './support/form.js';
import { createJumpClock } from './support/jump-clock.js';
import { type Link, openLink, send } from './support/link.js';
import { takePace } from './support/pace.js';
import { LIFE_MS, type Seen } from './support/phases.js';
import { record } from './support/reliability.js';
import { type ChaosStore, loadSdks, newName, START, STORES, type StoreName } from './support/stores.js';
import { startToxiproxy, type Toxiproxy } from './support/toxiproxy.js';
import { createWorker, expectToken, settled, type Worker } from './support/worker.js';

const CREDENTIAL = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };
const IMS_TRIES = 3;
const MAX_RETRY_AFTER_MS = 1000;
/** The longest pause after a failure that a fleet shares. */
const SHARED_PAUSE_MS = 300_000;
/** An election waits until the claim's second is over, by the store's clock. */
const ELECTION_MS = 5000;
/** A new token that is not in the store is tried again at least so soon. */
const WRITE_BACK_MS = 60_000;

/** Where nothing is wrong, only a busy machine takes long. */
const PATIENCE_MS = 30_000;

let toxiproxy: Toxiproxy;
const shared = new Map<StoreName, ChaosStore>();
/** Of one request, to the store or to IMS. */
let requestMs = 10_000;
const exchangeMs = () => IMS_TRIES * (requestMs + MAX_RETRY_AFTER_MS + 100);

beforeAll(async () => {
  toxiproxy = await startToxiproxy();
  for (const name of ['vault', 'aws-secrets-manager'] as const) shared.set(name, await START[name]());
  await loadSdks();
  const healthy = (name: StoreName) => onStage(name, FAULTS[0] as Fault, async ({ worker }) => worker.getToken());
  requestMs = await takePace(() => Promise.all((['vault', 'aws-secrets-manager'] as const).map(healthy)));
});
afterAll(async () => {
  for (const store of shared.values()) await store.close();
  await toxiproxy?.close();
});

interface Stage {
  provider: StoreName;
  fault: Fault;
  /** Renews, by the two links. */
  worker: Worker;
  storeLink: Link;
  imsLink: Link;
  ims: ImsEmulator;
  /** Another process of the fleet, past the link to the store; a consumer has no credential. */
  another(kind: 'renewer' | 'consumer'): Worker;
}

async function onStage<T>(provider: StoreName, fault: Fault, act: (stage: Stage) => Promise<T>): Promise<T> {
  const clock = createJumpClock();
  const own = shared.has(provider) ? undefined : await START[provider](clock);
  const store = shared.get(provider) ?? (own as ChaosStore);
  const ims = await createImsEmulator({ clock, expiresInSeconds: LIFE_MS / 1000 }).start();
  const [storeLink, imsLink] = await Promise.all([openLink(toxiproxy, store.url), openLink(toxiproxy, ims.url)]);
  const secret = newName();
  const workers: Worker[] = [];
  const [connectTimeout, headersTimeout, bodyTimeout, requestTimeout] = Array<number>(4).fill(Math.round(requestMs));
  const imsBlock = {
    tokenEndpoint: `${imsLink.url}/ims/token/v3`,
    ...{ connectTimeout, headersTimeout, bodyTimeout, requestTimeout },
    timeout: Math.round(exchangeMs()),
    retry: { maxAttempts: IMS_TRIES, baseDelay: 50, maxDelay: 100, maxRetryAfter: MAX_RETRY_AFTER_MS },
  };

  function open(url: string, isConsumer: boolean, timeoutMs: number, clock = createJumpClock()): Worker {
    const config = {
      ims: imsBlock,
      tokenStore: { ...store.block(url, secret), timeout: timeoutMs },
      ...(isConsumer ? {} : { credentials: { provider: 'env' } }),
    };
    const worker = createWorker(config, { env: { ...store.env, ...CREDENTIAL }, clock });
    workers.push(worker);
    return worker;
  }

  try {
    const another = (kind: 'renewer' | 'consumer') => open(store.url, kind === 'consumer', PATIENCE_MS);
    const worker = open(storeLink.url, false, Math.round(requestMs), clock);
    return await act({ provider, fault, worker, storeLink, imsLink, ims, another });
  } finally {
    for (const worker of workers) await worker.close();
    await Promise.all([storeLink.close(), imsLink.close(), ims.stop(), own?.close()]);
  }
}

const together = (worker: Worker) => Promise.all(Array.from({ length: 20 }, () => worker.getToken()));

/** The store has the token that the worker has: nothing was lost, and nobody has to make another. */
async function expectShared({ worker, another }: Stage, accessToken: string): Promise<void> {
  const consumer = another('consumer');
  // A busy machine may miss the first try to write; each further one comes later, and moving on ends one that is under way.
  const hurry = setInterval(() => worker.clock.advance(WRITE_BACK_MS), 2 * requestMs + 1000);
  worker.clock.advance(WRITE_BACK_MS);
  const { outcome } = await settled(consumer.getToken(), PATIENCE_MS, consumer.clock).finally(() =>
    clearInterval(hurry),
  );
  expect(expectToken(outcome).accessToken).toBe(accessToken);
  expect((await worker.getToken()).accessToken).toBe(accessToken);
}

/** Every caller has the same token. @param calls of the token store that this took at most */
function expectOneToken(
  outcome: AccessToken[] | ImsvaultError,
  { storeLink, provider }: Stage,
  before: { requests: number },
  calls: number,
): AccessToken {
  if (outcome instanceof ImsvaultError) throw outcome;
  expect(new Set(outcome).size).toBe(1);
  expect(storeLink.counts().requests - before.requests).toBeLessThanOrEqual(calls * REQUESTS_PER_CALL[provider]);
  return expectToken(outcome[0]);
}

const SERVED: Seen = { sees: 'a token', within: 'the renewal', kept: 'the token is published' };

/** Twenty callers of a process without a token, and the store fails from the start. */
async function storeAway(stage: Stage): Promise<Seen> {
  const { worker, storeLink, fault, provider } = stage;
  await storeLink.disturb(fault.on(provider));
  const before = storeLink.counts();
  // `random` makes half a second of the ten.
  const { outcome } = await settled(together(worker), 2 * requestMs + 500 + ELECTION_MS, worker.clock);
  const { accessToken } = expectOneToken(outcome, stage, before, 2);
  await storeLink.heal();
  await expectShared(stage, accessToken);
  expect(stage.ims.exchanges).toBe(1);
  return fault.means === 'served'
    ? SERVED
    : {
        sees: 'a token of its own',
        within: '2 × `tokenStore.timeout`, 0–10 s at random, and the exchange',
        kept: 'the token is published once the store is back',
      };
}

/** The claim is won, and the store fails from the moment on when IMS is asked. */
async function publishing(stage: Stage): Promise<Seen> {
  const { worker, storeLink, imsLink, fault, provider } = stage;
  let before = storeLink.counts();
  await imsLink.disturb({
    async answer(response, forward) {
      before = storeLink.counts();
      await storeLink.disturb(fault.on(provider));
      send(response, await forward());
    },
  });
  const { outcome } = await settled(together(worker), 6 * requestMs + ELECTION_MS, worker.clock);
  const { accessToken } = expectOneToken(outcome, stage, before, 6);
  await storeLink.heal();
  await imsLink.heal();
  await expectShared(stage, accessToken);
  expect(stage.ims.exchanges).toBe(1);
  return fault.means === 'served'
    ? SERVED
    : {
        sees: 'a token',
        within: 'the renewal and 6 × `tokenStore.timeout`',
        kept: 'the token is published once the store is back',
      };
}

/** A read or a write as the token store makes it, with what its provider does for it. */
const REQUESTS_PER_CALL: Record<StoreName, number> = { vault: 5, 'aws-secrets-manager': 4, 'azure-key-vault': 6 };

/** What the caller who made the exchange sees of each fault, and all others of the fleet. */
const IMS_ERRORS: Partial<Record<Meaning, { code: string; retryable: boolean }>> = {
  away: { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: true },
  untrusted: { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: false },
  foreign: { code: 'ERR_TOKEN_RESPONSE_INVALID', retryable: false },
};

/** The claim is won, and IMS fails. */
async function imsAway(stage: Stage): Promise<Seen> {
  const { worker, imsLink, fault, another, provider } = stage;
  const { means } = fault;
  /** The pause counts from when each first sees it; with an election from the failure on, and is soon over. */
  const isSeenByAll = provider !== 'azure-key-vault';
  await imsLink.disturb(fault.on('ims'));
  const before = imsLink.counts();
  const renewed = worker.getToken();
  const { outcome } = await settled(renewed, exchangeMs() + 3 * requestMs + ELECTION_MS, worker.clock);
  const error = IMS_ERRORS[means];
  if (error === undefined) {
    await imsLink.heal();
    await expectShared(stage, expectToken(outcome).accessToken);
    return SERVED;
  }
  const { code, retryable } = error;
  if (!(outcome instanceof ImsvaultError)) expect.unreachable('a token in place of an error');
  expect({ code: outcome.code, retryable: outcome.retryable }, outcome.message).toEqual({ code, retryable });

  const asked = imsLink.counts();
  expect(asked.requests - before.requests).toBeLessThanOrEqual(IMS_TRIES);
  if (isSeenByAll) {
    for (const each of [worker, another('renewer')]) {
      const told = await settled(each.getToken(), PATIENCE_MS, each.clock);
      expect(told.outcome).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryAfterMs: expect.any(Number) });
    }
    expect(imsLink.counts()).toEqual(asked);
  }

  await imsLink.heal();
  worker.clock.advance(SHARED_PAUSE_MS);
  const next = await settled(worker.getToken(), exchangeMs() + 3 * requestMs + ELECTION_MS, worker.clock);
  await expectShared(stage, expectToken(next.outcome).accessToken);
  const inWords = `\`${code}\`${retryable ? ', retryable' : ''}`;
  return {
    sees: isSeenByAll
      ? `${inWords}; whoever asks in the next second, or until Retry-After, \`ERR_TOKEN_ENDPOINT_UNAVAILABLE\`, and IMS is not asked`
      : inWords,
    within: `${means === 'away' ? '`ims.timeout`' : '`ims.requestTimeout`'} and the requests to the store`,
    kept: 'the next renewal is published',
  };
}

const ACTS = { storeAway, publishing, imsAway };
const cellsOf = (section: string, phases: readonly (readonly [phase: string, act: keyof typeof ACTS])[]) =>
  FAULTS.flatMap((is) =>
    STORES.flatMap((provider) =>
      phases.map(([phase, act]) => ({ section, fault: is.fault, is, provider, phase, act })),
    ),
  );
const cells = [
  ...cellsOf('token-store', [
    ['cold', 'storeAway'],
    ['publishing', 'publishing'],
  ]),
  ...cellsOf('ims-claimed', [['publishing', 'imsAway']]),
];

describe.concurrent('a token that is shared', () => {
  it.for(sampled(cells, 0.2))('$section / $fault / $provider / $phase', async (cell, context) => {
    const { section, fault, is, provider, phase, act } = cell;
    record(context, { section, fault, provider, phase, ...(await onStage(provider, is, ACTS[act])) });
  });
});
