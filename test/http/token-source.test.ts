import { describe, expect, it, vi } from 'vitest';
import { createTokenSource } from '../../src/http/token-source.js';
import { DEFAULT_RENEWAL } from '../../src/token/renewal-schedule.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock } from '../support/manual-clock.js';

const HOUR = 3_600_000;

function setup() {
  const clock = createManualClock();
  const renew = vi.fn(async () => ({ token: fakeToken(clock.now(), 86_400), source: 'test' }));
  const manager = createTokenManager({
    renew,
    clock,
    random: () => 0.5,
    renewal: { ...DEFAULT_RENEWAL, background: false },
  });
  return { clock, renew, manager, source: createTokenSource(manager, clock) };
}

describe('a held token', () => {
  it('is given without a wait, and renewed in the background when it is time', async () => {
    const { clock, renew, source } = setup();
    expect(source.held()).toBeUndefined();
    const token = await source.get(undefined);
    expect(source.held()).toBe(token);
    await clock.advance(0.86 * 24 * HOUR);
    expect(source.held()).toBe(token);
    await clock.advance(0);
    expect(renew).toHaveBeenCalledTimes(2);
    expect(source.held()).not.toBe(token);
  });

  it('is asked for once a second, not at every request', async () => {
    const { clock, manager, source } = setup();
    await source.get(undefined);
    const getToken = vi.spyOn(manager, 'getToken');
    for (let count = 0; count < 100; count++) source.held();
    expect(getToken).toHaveBeenCalledTimes(1);
    await clock.advance(999);
    source.held();
    expect(getToken).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    source.held();
    expect(getToken).toHaveBeenCalledTimes(2);
  });
});

describe('a rejected token', () => {
  it('is replaced once for all who were refused', async () => {
    const { renew, source } = setup();
    const token = await source.get(undefined);
    const replaced = await Promise.all(Array.from({ length: 1000 }, () => source.replace(token, undefined)));
    expect(new Set(replaced).size).toBe(1);
    expect(replaced[0]).not.toBe(token);
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('is not replaced again within a minute when its replacement is refused too', async () => {
    const { clock, renew, source } = setup();
    const first = await source.get(undefined);
    const second = await source.replace(first, undefined);
    if (second === undefined) return expect.unreachable();
    await clock.advance(59_999);
    expect(await source.replace(second, undefined)).toBeUndefined();
    expect(await source.replace(first, undefined)).toBe(second);
    expect(renew).toHaveBeenCalledTimes(2);
    await clock.advance(1);
    expect(await source.replace(second, undefined)).not.toBe(second);
    expect(renew).toHaveBeenCalledTimes(3);
  });

  it('stays where the provider keeps to it', async () => {
    const token = fakeToken(0, 3600);
    const source = createTokenSource({ getToken: async () => token, peekToken: () => token });
    expect(await source.replace(token, undefined)).toBeUndefined();
  });
});

it.each([[undefined], [null], [{}], [{ getToken: () => undefined }], ['provider']])('%j is no provider', (provider) => {
  expect(() => createTokenSource(provider as never)).toThrow(TypeError);
});
