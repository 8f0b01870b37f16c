import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { ask, fakeProvider, profilesOf, startAgent } from './support.js';

const open = { anonymous: true };

describe('/livez', () => {
  it('is true while the process answers', async () => {
    const { addresses } = await startAgent();
    expect(await ask(addresses[0], '/livez', open)).toMatchObject({ status: 200, json: { alive: true } });
  });
});

describe('/readyz', () => {
  it('is true once every profile has a token, and makes none', async () => {
    const { addresses, main, other } = await startAgent();
    await main.getToken();
    expect(await ask(addresses[0], '/readyz', open)).toMatchObject({
      status: 503,
      json: { ready: false, without_token: 1, profiles: [{ profile: 'other' }] },
    });
    expect(other.renewals).toBe(0);
    await other.getToken();
    expect(await ask(addresses[0], '/readyz', open)).toMatchObject({ status: 200, json: { ready: true } });
  });

  it('is false again when a token ran out, and names the code but no text', async () => {
    const { addresses, clock, main, other } = await startAgent();
    await Promise.all([main.getToken(), other.getToken()]);
    main.renew = () => Promise.reject(new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'secret/place is away'));
    clock.jump(86_400_000);
    await main.getToken().catch(() => undefined);
    await other.getToken();
    const { status, json, text } = await ask(addresses[0], '/readyz', open);
    expect([status, json.profiles]).toEqual([503, [{ profile: 'main', code: 'ERR_SECRET_UNAVAILABLE' }]]);
    expectNoSecrets(text, ['secret/place']);
  });

  it('is about the profiles that are required, also those that a reload took away', async () => {
    const { addresses, main } = await startAgent({ requiredProfiles: ['main'] });
    await main.getToken();
    expect((await ask(addresses[0], '/readyz', open)).status).toBe(200);
    const gone = await startAgent({ requiredProfiles: ['gone'] });
    expect((await ask(gone.addresses[0], '/readyz', open)).json.profiles).toEqual([
      { profile: 'gone', code: 'ERR_AGENT_PROFILE_UNKNOWN' },
    ]);
  });

  it('stays short with many profiles', async () => {
    const clock = createManualClock();
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`p${index}`, fakeProvider(clock)]));
    const { addresses } = await startAgent({ profiles: () => profilesOf(many) });
    const { json, text } = await ask(addresses[0], '/readyz', open);
    expect([json.without_token, json.profiles.length]).toEqual([500, 20]);
    expect(text.length).toBeLessThan(1000);
  });
});
