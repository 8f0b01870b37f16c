import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { tokenChannel } from '../../src/channels.js';
import { ImsvaultError } from '../../src/errors.js';
import { createTokenEvents, type TokenEvent } from '../../src/token/token-events.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { fakeToken } from '../support/fake-token.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock, settle } from '../support/manual-clock.js';

const DAY = 86_400_000;
const START = Date.UTC(2030, 0, 1);

function setup() {
  const clock = createManualClock(START);
  const events: TokenEvent[] = [];
  const outcome: { error?: unknown; generation?: number } = {};
  const manager = createTokenManager({
    clock,
    random: () => 0.5,
    async renew() {
      const token = fakeToken(clock.now(), DAY / 1000);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 200));
      if (outcome.error !== undefined) throw outcome.error;
      return { token, source: 'vault', generation: outcome.generation };
    },
    onEvent: (event) => events.push(event),
  });
  async function get() {
    const call = manager.getToken();
    await clock.advance(200);
    return call;
  }
  return { clock, manager, events, outcome, get };
}

const outage = () => new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is down', { hint: 'Wait.' });

describe('events of a token', () => {
  it('tell of each renewal: where from, how long it took, when it ends', async () => {
    const { clock, events, manager, outcome, get } = setup();
    await get();
    expect(manager.status().token).not.toHaveProperty('generation');
    outcome.generation = 8;
    await clock.advance(0.85 * DAY + 200);
    expect(manager.status().token?.generation).toBe(8);
    const renewed = { type: 'renewed', source: 'vault', clientId: 'client', durationMs: 200 };
    expect(events).toEqual([
      { ...renewed, expiresAt: START + DAY },
      { ...renewed, expiresAt: START + 1.85 * DAY, generation: 8 },
    ]);
  });

  it('tell of each failure: what, whether it may pass, when the next try comes', async () => {
    const { clock, events, outcome, get } = setup();
    await get();
    outcome.error = outage();
    await clock.advance(0.85 * DAY + 200);
    const at = START + 0.85 * DAY + 200;
    const rest = { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', message: 'IMS is down', hint: 'Wait.', retryable: true };
    expect(events.slice(1)).toEqual([{ type: 'renewal-failed', ...rest, at, retryAt: at + 750, durationMs: 200 }]);
  });

  it('are none while another process renews, nor after close', async () => {
    const { clock, manager, events, outcome, get } = setup();
    await get();
    outcome.error = new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', 'another renews', { retryAfterMs: 5000 });
    await clock.advance(0.9 * DAY);
    manager.getToken({ forceRenew: true }).catch(() => undefined);
    manager.close();
    await clock.advance(1000);
    expect(events).toHaveLength(1);
  });

  it('quote no error that is not ours', async () => {
    const { clock, manager, events, outcome } = setup();
    outcome.error = new TypeError('the secret is hunter2');
    const call = manager.getToken().catch(() => undefined);
    await clock.advance(200);
    await call;
    expect(events).toMatchObject([{ code: 'ERR_UNEXPECTED', message: 'unexpected error', retryable: false }]);
    expectNoSecrets([events, manager.status()], ['hunter2']);
  });
});

describe('status of a token', () => {
  it('goes through its phases, and says when each begins', async () => {
    const { clock, manager, outcome, get } = setup();
    expect(manager.status()).toEqual({ phase: 'none', renewing: false });
    const token = await get();
    const held = {
      source: 'vault',
      clientId: 'client',
      scope: ['openid'],
      issuedAt: START,
      expiresAt: START + DAY,
      renewsAt: START + 0.85 * DAY,
      hardAt: START + DAY - 300_000,
      renewedAt: START + 200,
    };
    expect(manager.status()).toEqual({ phase: 'fresh', renewing: false, token: held });
    expectNoSecrets([manager.status(), inspect(manager.status(), { depth: 9, showHidden: true })], [token.accessToken]);
    outcome.error = outage();
    await clock.advance(0.85 * DAY - 200);
    expect(manager.status()).toEqual({ phase: 'soft', renewing: true, token: held });
    await clock.advance(DAY - 300_000 - 0.85 * DAY);
    expect(manager.status()).toMatchObject({ phase: 'hard', token: held, lastError: { code: outage().code } });
    await clock.advance(300_000);
    expect(manager.status().phase).toBe('expired');
    // With the next success the error is gone.
    outcome.error = undefined;
    await clock.advance(600_000);
    expect(manager.status()).toMatchObject({ phase: 'fresh' });
    expect(manager.status().lastError).toBeUndefined();
    manager.close();
    expect(manager.status()).toEqual({ phase: 'none', renewing: false });
  });
});

describe('a listener', () => {
  it('is not needed: the subscribers of the channel hear of each event too', () => {
    const warn = vi.fn();
    const heard: unknown[] = [];
    const listener = (event: unknown) => void heard.push(event);
    tokenChannel.subscribe(listener);
    createTokenEvents(undefined, warn).emit({ type: 'exchanged' });
    tokenChannel.unsubscribe(listener);
    expect(heard).toEqual([{ type: 'exchanged' }]);
    expect(warn).not.toHaveBeenCalled();
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('hunter2');
      },
    ],
    ['rejects', () => Promise.reject(new Error('hunter2'))],
  ])('that %s disturbs nothing, and is told of once', async (_title, listener) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const warn = vi.fn();
    const events = createTokenEvents(listener, warn);
    for (let times = 0; times < 3; times++) events.emit({ type: 'exchanged' });
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(warn.mock.calls).toEqual([['a listener of token events failed; its error is dropped']]);
    expect(events.counters()).toMatchObject({ exchanged: 3, renewed: 0 });
  });
});
