import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import { FAULTS, type Fault } from './support/faults.js';
import { sampled } from './support/form.js';
import { createJumpClock } from './support/jump-clock.js';
import { openLink } from './support/link.js';
import { takePace } from './support/pace.js';
import { type End, LIFE_MS, PHASES, type Stage } from './support/phases.js';
import { record } from './support/reliability.js';
import { startToxiproxy, type Toxiproxy } from './support/toxiproxy.js';
import { createWorker } from './support/worker.js';

const TRIES = 3;
const MAX_RETRY_AFTER_MS = 1000;
const ENV = { FUSION_CLIENT_ID: 'emulator-client-id', FUSION_CLIENT_SECRET: 'emulator-client-secret' };

let toxiproxy: Toxiproxy;
/** Of one request to IMS. */
let requestMs = 10_000;

const exchangeMs = () => TRIES * (requestMs + MAX_RETRY_AFTER_MS + 100);
const END: End = {
  error: {
    away: { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: true },
    untrusted: { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: false },
    foreign: { code: 'ERR_TOKEN_RESPONSE_INVALID', retryable: false },
  },
  tries: TRIES,
  requestsPerTry: 1,
  maxRetryAfterMs: MAX_RETRY_AFTER_MS,
  boundMs: ({ means }) => (means === 'away' ? exchangeMs() : requestMs),
  bound: ({ means }) => (means === 'away' ? '`ims.timeout`' : '`ims.requestTimeout`'),
};

beforeAll(async () => {
  toxiproxy = await startToxiproxy();
  requestMs = await takePace(() => onStage(FAULTS[0] as Fault, ({ worker }) => worker.getToken()));
});
afterAll(() => toxiproxy?.close());

/**
 * A worker of its own, its IMS, and the link between them.
 * @param special where its bounds are others
 */
async function onStage<T>(
  fault: Fault,
  act: (stage: Stage) => Promise<T>,
  special: { ims?: Readonly<Record<string, number>>; end?: Partial<End> } = {},
): Promise<T> {
  const clock = createJumpClock();
  const ims = await createImsEmulator({ clock, expiresInSeconds: LIFE_MS / 1000 }).start();
  const link = await openLink(toxiproxy, ims.url);
  const [connectTimeout, headersTimeout, bodyTimeout, requestTimeout] = Array<number>(4).fill(Math.round(requestMs));
  const worker = createWorker(
    {
      ims: {
        tokenEndpoint: `${link.url}/ims/token/v3`,
        ...{ connectTimeout, headersTimeout, bodyTimeout, requestTimeout },
        timeout: Math.round(exchangeMs()),
        retry: { maxAttempts: TRIES, baseDelay: 50, maxDelay: 100, maxRetryAfter: MAX_RETRY_AFTER_MS },
        ...special.ims,
      },
      credentials: { provider: 'env' },
    },
    { env: ENV, clock },
  );
  try {
    const end = { ...END, ...special.end };
    return await act({ worker, link, fault, trouble: fault.on('ims'), end, issued: () => ims.issuedTokens() });
  } finally {
    await worker.close();
    await link.close();
    await ims.stop();
  }
}

const cells = FAULTS.flatMap((is) =>
  (['cold', 'warm', 'renewing'] as const).map((phase) => ({ fault: is.fault, is, phase })),
);

describe.concurrent('IMS', () => {
  it.for(sampled(cells, 0.3))('$fault / $phase', async ({ fault, is, phase }, context) => {
    record(context, { section: 'ims', fault, phase, ...(await onStage(is, PHASES[phase])) });
  });

  it('whose body never ends, at a pace that no other timeout ends, is given up after `ims.requestTimeout`', async (context) => {
    const fault = 'headers at once, then a byte in each quarter of `ims.bodyTimeout`';
    const drip = async (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const closed = once(response, 'close');
      while (!response.destroyed) {
        response.write(' ');
        await Promise.race([closed, sleep(requestMs / 4)]);
      }
    };
    const is: Fault = { fault, means: 'away', on: () => ({ answer: drip }) };
    const cold = async (stage: Stage) => {
      const seen = await PHASES.cold(stage);
      // Each try was given up, not all of them by `ims.timeout`; the last one is the call after the fault.
      expect(stage.link.counts().requests).toBe(TRIES + 1);
      return seen;
    };
    const end = {
      boundMs: () => TRIES * (requestMs + 100),
      bound: () => `${TRIES} × \`ims.requestTimeout\``,
      // undici replaces the connection of a body that is given up before anybody asks for one.
      connectionsPerTry: 2,
    };
    record(context, { section: 'ims', fault, phase: 'cold', ...(await onStage(is, cold, { end })) });
  });

  it('that is silent for longer than `ims.timeout` is given up in the middle of a request', async (context) => {
    const fault = 'black hole, `ims.timeout` shorter than one request may take';
    const is: Fault = { ...(FAULTS.find((each) => each.fault === 'black hole') as Fault), fault };
    const ims = {
      ...{ connectTimeout: 60_000, headersTimeout: 60_000, bodyTimeout: 60_000, requestTimeout: 60_000 },
      timeout: Math.round(requestMs),
    };
    const end = { tries: 1, boundMs: () => requestMs };
    record(context, { section: 'ims', fault, phase: 'cold', ...(await onStage(is, PHASES.cold, { ims, end })) });
  });
});
