import { expect, it } from 'vitest';
import { createExchanger } from '../../src/ims/exchange.js';
import { createCredentialSource } from '../../src/secret/credential-source.js';
import { createExchangeRenewal } from '../../src/token/exchange-renewal.js';
import { createTokenManager, type TokenManager } from '../../src/token/token-manager.js';
import { CLIENT_ID, createWorld, expectFinished, OLD, type Process, type World } from './world.js';

const CALLERS = 50;
const TEXT = JSON.stringify({ client_id: CLIENT_ID, client_secret: OLD });

/** A process of its own, as far as it matters: its own reads, exchanges and memory. */
function consumer({ clock, httpOf, providerOf }: World, at: Process['at']): TokenManager {
  const common = { clock, random: () => 0, timeoutMs: 10_000 };
  const process = { points: [], at };
  const ims = {
    ...common,
    http: httpOf(process),
    tokenEndpoint: 'https://emulator.invalid/ims/token/v3',
    warn: () => undefined,
  };
  const source = createCredentialSource({ ...common, provider: providerOf(process), ref: 'x' });
  const renew = createExchangeRenewal({ ...ims, source, exchanger: createExchanger(ims) });
  return createTokenManager({
    ...common,
    renew: async (_request, signal) => ({ token: (await renew(signal)).token, source: 'memory' }),
  });
}

it('the credential changes in the store under load, again and again, without one failed call', async () => {
  // No call has a token left over: each tick ends the last one's life.
  const world = createWorld(TEXT, { expiresInSeconds: 1 });
  const { clock, emulator } = world;
  let seed = 7;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  /** Between reading the store and asking IMS, a rotation may pass by a caller. */
  const dawdle = async () => {
    for (let turns = Math.floor(random() * 40); turns > 0; turns--) await new Promise((done) => setImmediate(done));
  };
  const managers = Array.from({ length: CALLERS }, () => consumer(world, dawdle));

  let isOver = false;
  const calls: string[] = [];
  const callers = managers.map(async (manager) => {
    while (!isOver) {
      const { accessToken } = await manager
        .getToken({ forceRenew: true })
        .catch((error: Error) => ({ accessToken: error.message }));
      calls.push(accessToken);
      await new Promise((done) => setImmediate(done));
    }
  });
  for (let rotation = 0; rotation < 5; rotation++) {
    await world.run();
    clock.jump(1000);
    const goal = calls.length + CALLERS * 2;
    while (calls.length < goal) await new Promise((done) => setImmediate(done));
  }
  isOver = true;
  await Promise.all(callers);
  expectFinished(world);
  expect(world.deleted).toHaveLength(5);
  expect(calls.length).toBeGreaterThan(CALLERS * 5);
  expect(calls.filter((token) => !emulator.isIssued(token))).toEqual([]);
  // It was under load indeed: some came with a secret that was deleted meanwhile, and read again.
  expect(emulator.requests.filter(({ status }) => status === 400).length).toBeGreaterThan(0);
});
