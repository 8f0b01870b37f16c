import { describe, expect, it } from 'vitest';
import { createImsEmulator } from '../../src/testing/index.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';

const SECRET = 'p@ss word/with+signs';

describe('what the emulator remembers and prints', () => {
  it('tells who asked for what and when, and never a secret or a token', () => {
    const clock = createManualClock();
    const lines: string[] = [];
    const emulator = createImsEmulator({
      clock,
      clients: [{ clientId: 'known', clientSecrets: [SECRET] }],
      log: (line) => lines.push(line),
    });
    const good = { grant_type: 'client_credentials', client_id: 'known', client_secret: SECRET, scope: 'openid' };
    const send = (fields: Record<string, string>, path = '/ims/token/v3') =>
      emulator.handle({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields).toString(),
      });
    send(good);
    send({ ...good, client_secret: 'guess-of-somebody' });
    send({ ...good, client_id: SECRET, client_secret: 'known' });
    send(good, `/ims/token/v3?client_secret=${encodeURIComponent(SECRET)}`);
    emulator.fail({ kind: 'hang' }, 1);
    send(good);

    const at = clock.now();
    const request = { method: 'POST', path: '/ims/token/v3', scope: 'openid', at };
    expect(emulator.requests).toEqual([
      { ...request, status: 200, clientId: 'known' },
      { ...request, status: 400, clientId: 'known' },
      { ...request, status: 400 },
      { ...request, status: 400, clientId: 'known' },
      { ...request, clientId: 'known' },
    ]);
    expect(lines).toEqual([
      '[IMS emulator] POST /ims/token/v3 → 200, client known',
      '[IMS emulator] POST /ims/token/v3 → 400, client known',
      '[IMS emulator] POST /ims/token/v3 → 400',
      '[IMS emulator] POST /ims/token/v3 → 400, client known',
      '[IMS emulator] POST /ims/token/v3 → no answer, client known, fault hang',
    ]);
    expectNoSecrets([lines, emulator.requests], [SECRET, 'guess-of-somebody', ...emulator.issuedTokens()]);
  });

  it('refuses a life that is none', () => {
    for (const expiresInSeconds of [0, -1, Number.NaN]) {
      expect(() => createImsEmulator({ expiresInSeconds })).toThrow(RangeError);
    }
  });

  it('records the newest 10,000 requests', () => {
    const emulator = createImsEmulator();
    for (let turn = 0; turn < 10_003; turn++) emulator.handle({ method: 'GET', path: `/${turn}` });
    expect(emulator.requests).toHaveLength(10_000);
    expect(emulator.requests[0]?.path).toBe('/3');
    expect(emulator.requests.at(-1)?.path).toBe('/10002');
  });
});
