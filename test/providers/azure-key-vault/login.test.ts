import { describe, expect, it } from 'vitest';
import { createLogin } from '../../../providers/azure-key-vault/login.js';
import { createManualClock, settle } from '../../support/manual-clock.js';

const SCOPE = 'https://vault.azure.net/.default';

function setup({ lifetimeMs = 3_600_000 } = {}) {
  const clock = createManualClock();
  const asked: unknown[] = [];
  let fails = false;
  const login = createLogin(async (_scopes, options) => {
    asked.push(options);
    await settle();
    if (fails) throw new Error('Entra is down');
    return { token: `token-${asked.length}`, expiresOnTimestamp: clock.now() + lifetimeMs };
  }, clock);
  return {
    clock,
    login,
    asked,
    fail: (next: boolean) => {
      fails = next;
    },
  };
}

describe('the Azure login', () => {
  it('asks once for all who wait, and not again while the token is fresh', async () => {
    const { login, asked } = setup();
    const tokens = await Promise.all([1, 2, 3].map(() => login.getToken(SCOPE)));
    expect(tokens.map(({ token }) => token)).toEqual(['token-1', 'token-1', 'token-1']);
    await login.getToken(SCOPE);
    expect(asked).toHaveLength(1);
  });

  it('tells the SDK that its token has lapsed, so that the SDK keeps none', async () => {
    const { login } = setup();
    expect((await login.getToken(SCOPE)).expiresOnTimestamp).toBe(0);
    expect((await login.current(SCOPE)).expiresOnTimestamp).toBeGreaterThan(0);
  });

  it('serves the token while it renews it in the background', async () => {
    const { clock, login } = setup();
    await login.getToken(SCOPE);
    await clock.advance(3_400_000);
    expect((await login.getToken(SCOPE)).token).toBe('token-1');
    await settle();
    await settle();
    expect((await login.getToken(SCOPE)).token).toBe('token-2');
  });

  it('serves a good token through a failed renewal, without an unhandled rejection', async () => {
    const { clock, login, fail } = setup();
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listen);
    await login.getToken(SCOPE);
    fail(true);
    await clock.advance(3_500_000);
    expect((await login.getToken(SCOPE)).token).toBe('token-1');
    await settle();
    await settle();
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  it('does not serve a token about to lapse', async () => {
    const { clock, login, fail } = setup();
    await login.getToken(SCOPE);
    await clock.advance(3_580_000);
    fail(true);
    await expect(login.getToken(SCOPE)).rejects.toThrow('Entra is down');
    fail(false);
    expect((await login.getToken(SCOPE)).token).toBe('token-3');
  });

  it('asks anew for claims, for another tenant, and after forget()', async () => {
    const { login, asked } = setup();
    await login.getToken(SCOPE, { tenantId: 'a' });
    await login.getToken(SCOPE, { tenantId: 'b' });
    await login.getToken(SCOPE, { tenantId: 'b', claims: '{}' });
    expect((await login.getToken(SCOPE, { tenantId: 'b' })).token).toBe('token-3');
    login.forget();
    expect((await login.getToken(SCOPE, { tenantId: 'b' })).token).toBe('token-4');
    expect(asked).toHaveLength(4);
  });

  it("keeps a caller's signal away from a login that others share", async () => {
    const { login, asked } = setup();
    await login.getToken(SCOPE, { abortSignal: AbortSignal.abort() });
    expect(asked).toEqual([{}]);
  });
});
