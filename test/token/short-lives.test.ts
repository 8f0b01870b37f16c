import { describe, expect, it } from 'vitest';
import { createExchanger } from '../../src/ims/exchange.js';
import type { HttpClient } from '../../src/net/http-client.js';
import { redact } from '../../src/redacted.js';
import { createImsEmulator } from '../../src/testing/index.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { createManualClock } from '../support/manual-clock.js';

const credential = {
  clientId: 'emulator-client-id',
  clientSecrets: [redact('emulator-client-secret')] as const,
};

/** The emulator's tokens, by the real exchange and token manager, on one clock and without a socket. */
function setup(expiresInSeconds: number, background: boolean) {
  const clock = createManualClock();
  const ims = createImsEmulator({ clock, expiresInSeconds });
  const http: HttpClient = {
    async request({ method, url, headers = {}, body }) {
      // What a request takes is part of so short a life.
      await new Promise<void>((resolve) => clock.setTimer(resolve, 150));
      const reply = ims.handle({ method, path: new URL(url).pathname, headers, body: String(body ?? '') });
      if (reply.kind !== 'answer') throw new Error('no answer');
      const answered = Object.entries(reply.headers).map(([name, value]) => [name, String(value)]);
      return { status: reply.status, headers: Object.fromEntries(answered), body: Buffer.from(reply.body ?? '') };
    },
    connectAhead: async () => undefined,
    close: async () => undefined,
  };
  const exchanger = createExchanger({
    tokenEndpoint: 'https://ims.test/ims/token/v3',
    http,
    clock,
    random: () => 0.5,
    timeoutMs: 2000,
    retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, maxRetryAfterMs: 1 },
    warn: () => undefined,
  });
  const manager = createTokenManager({
    clock,
    random: () => 0.5,
    renewal: { ...DEFAULT_RENEWAL, background },
    renew: async (_request, signal) => ({ ...(await exchanger.exchange(credential, signal)), source: 'test' }),
  });
  return { clock, ims, manager };
}

describe.each([60, 10, 3])('tokens of %d seconds', (life) => {
  it('are always fresh without a call in between, and renewed once a life', async () => {
    const { clock, ims, manager } = setup(life, true);
    const first = manager.getToken();
    await clock.advance(150);
    await first;
    const steps = 400;
    const stepMs = (20 * life * 1000) / steps;
    for (let step = 0; step < steps; step++) {
      await clock.advance(stepMs);
      const token = manager.peekToken();
      expect(token?.expiresAt ?? 0).toBeGreaterThan(clock.now());
    }
    // Twenty lives of 0.85 each, and the first.
    expect(ims.exchanges).toBe(1 + Math.floor((20 * life * 1000 + 150) / (0.85 * life * 1000)));
  });

  it('are served to calls without a gap and without a background', async () => {
    const { clock, ims, manager } = setup(life, false);
    for (let step = 0; step < 200; step++) {
      const call = manager.getToken();
      await clock.advance(150);
      expect((await call).expiresAt).toBeGreaterThan(clock.now());
      await clock.advance(life * 20);
    }
    expect(ims.exchanges).toBeGreaterThan(3);
    expect(ims.exchanges).toBeLessThan((200 * (150 + life * 20)) / (0.8 * life * 1000) + 2);
  });

  it('outlive a short outage of IMS', async () => {
    const { clock, ims, manager } = setup(life, true);
    const first = manager.getToken();
    await clock.advance(150);
    await first;
    ims.fail({ kind: 'unavailable' });
    await clock.advance(life * 850);
    ims.clearFaults();
    expect(ims.exchanges).toBe(1);
    await clock.advance(2000);
    expect(manager.peekToken()).toBeDefined();
  });
});
