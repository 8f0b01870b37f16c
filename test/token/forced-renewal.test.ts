import { describe, expect, it } from 'vitest';
import { createTokenManager, type TokenManager } from '../../src/token/token-manager.js';
import { createManualClock } from '../support/manual-clock.js';
import { createFakeStore, createWorker, settled, type Worker } from './fleet/fixture.js';

/** Processes with a token manager each, over one store; all hold its first token. */
async function fleet(size: number) {
  const clock = createManualClock();
  const store = createFakeStore(clock);
  const workers: Worker[] = [];
  const managers: TokenManager[] = [];
  for (let index = 0; index < size; index++) {
    const worker = createWorker(clock, store);
    workers.push(worker);
    managers.push(
      createTokenManager({
        renew: async (request) => ({ token: await worker.renew(request), source: 'fleet' }),
        clock,
        random: () => 0.5,
      }),
    );
  }
  const held = await Promise.all(managers.map((manager) => settled(clock, manager.getToken())));
  expect(new Set(held.map((token) => token.accessToken)).size).toBe(1);
  // No token is renewed for a 401 within its first minute.
  await clock.advance(120_000);
  const exchanges = () => workers.reduce((sum, worker) => sum + worker.exchanges, 0);
  return { clock, managers, held, exchanges };
}

describe('a fleet whose token is refused', () => {
  it('renews once for a thousand callers of many processes, all with the same token', async () => {
    const { clock, managers, held, exchanges } = await fleet(5);
    const calls = managers.flatMap((manager, index) =>
      Array.from({ length: 200 }, () => manager.getToken({ forceRenew: held[index] as never })),
    );
    const tokens = await settled(clock, Promise.all(calls));
    expect(new Set(tokens.map((token) => token.accessToken)).size).toBe(1);
    expect(tokens[0]?.accessToken).not.toBe(held[0]?.accessToken);
    expect(exchanges()).toBe(2);
  });

  it('renews once for processes that insist one after the other, holding the same token', async () => {
    const { clock, managers, held, exchanges } = await fleet(4);
    const tokens = [];
    for (const manager of managers) tokens.push(await settled(clock, manager.getToken({ forceRenew: true })));
    expect(new Set(tokens.map((token) => token.accessToken)).size).toBe(1);
    expect(tokens[0]?.accessToken).not.toBe(held[0]?.accessToken);
    expect(exchanges()).toBe(2);
  });
});
