import { describe, expect, it, vi } from 'vitest';
import { ImsvaultError, TokenRequestRejectedError } from '../../../src/errors.js';
import type { Exchanged } from '../../../src/ims/exchange.js';
import { isMended, publishedToken, renewClaimed } from '../../../src/token/fleet/claim-renewal.js';
import type { SharedFailure } from '../../../src/token/fleet/token-document.js';
import type { Claim, TokenStore } from '../../../src/token/fleet/token-store.js';
import { fakeToken } from '../../support/fake-token.js';
import { createManualClock } from '../../support/manual-clock.js';
import { documentOf, serverError, settled, unavailable } from './fixture.js';

const TTL = 20_000;
const signal = new AbortController().signal;

function setUp({ lateMs = 0 } = {}) {
  const clock = createManualClock();
  const claim: Claim = { id: 'mine', ttlMs: TTL, base: documentOf({ generation: 4 }), claimedAt: 0, versionId: '1' };
  const publish = vi.fn<TokenStore['publish']>(async () => undefined);
  const shareFailure = vi.fn<TokenStore['shareFailure']>(async () => undefined);
  const onFailureShared = vi.fn();
  const warnings: string[] = [];
  const exchanged: Exchanged = { token: fakeToken(clock.now(), 3600), clockOffsetMs: 5000 };
  const exchange = vi.fn(async (_signal: AbortSignal) => exchanged);
  const store = {
    place: 'the store',
    claimSpreadMs: 0,
    writeIntervalMs: 0,
    publish,
    shareFailure,
  } as unknown as TokenStore;
  const options = {
    ...{ store, exchange, clock, random: () => 0.5, newId: () => 'new-id', onEvent: () => undefined, onFailureShared },
    warn: (message: string) => warnings.push(message),
  };
  const renew = async (afterRejection = false) => {
    await clock.advance(lateMs);
    return settled(clock, renewClaimed({ ...claim, claimedAt: lateMs }, afterRejection, options, signal));
  };
  return { clock, claim, publish, shareFailure, onFailureShared, warnings, exchanged, exchange, options, renew };
}

const sharedBy = (shareFailure: ReturnType<typeof setUp>['shareFailure']) => shareFailure.mock.calls[0]?.[1];

describe('what the winner of a claim does', () => {
  it('says times by the servers’ clock', async () => {
    const { clock, exchanged, renew, publish } = setUp();
    const { token } = exchanged;
    expect(publishedToken(exchanged, 'p')).toMatchObject({
      issuedAt: token.issuedAt + 5000,
      expiresAt: token.expiresAt + 5000,
      publishId: 'p',
    });
    await renew(true);
    expect(publish.mock.calls[0]?.[0]).toMatchObject({ generation: 5, rejectionRenewedAt: clock.now() + 5000 });
    await renew();
    expect(publish.mock.calls[1]?.[0]).not.toHaveProperty('rejectionRenewedAt');
  });

  it('tries to publish three times, within its claim, and then serves its process only', async () => {
    const { publish, warnings, renew, exchanged } = setUp({ lateMs: 100_000 });
    publish.mockRejectedValue(unavailable());
    expect(await renew()).toEqual({ token: exchanged.token, published: expect.anything() });
    expect(publish).toHaveBeenCalledTimes(3);
    expect(warnings).toEqual(['the store: the token was not written (the store is away); it serves this process only']);

    const slow = setUp();
    slow.publish.mockImplementation(async () => {
      await slow.clock.advance(TTL / 2);
      throw unavailable();
    });
    await slow.renew();
    expect(slow.publish).toHaveBeenCalledTimes(2);

    const denied = setUp();
    denied.publish.mockRejectedValue(new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no'));
    await denied.renew();
    expect(denied.publish).toHaveBeenCalledTimes(1);
  });

  it('ends its exchange in time to tell the others, and does not wait for that beyond its claim', async () => {
    const { clock, exchange, shareFailure, renew } = setUp();
    exchange.mockReturnValue(new Promise(() => undefined));
    shareFailure.mockReturnValue(new Promise(() => undefined));
    await expect(renew()).rejects.toThrow('no token came within 14 s, the time that a claim gives for an exchange');
    expect(clock.monotonic()).toBeGreaterThanOrEqual(TTL);
    expect(clock.monotonic()).toBeLessThan(TTL + 1000);
    expect(sharedBy(shareFailure)).toEqual({
      ...{ id: 'new-id', code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryAfterMs: 1000, count: 1 },
    });
  });

  it('has as long for its exchange whenever it claimed', async () => {
    const { clock, exchange, renew } = setUp({ lateMs: 100_000 });
    exchange.mockReturnValue(new Promise(() => undefined));
    await expect(renew()).rejects.toThrow('no token came within 14 s');
    expect(clock.monotonic()).toBeGreaterThanOrEqual(114_000);
    expect(clock.monotonic()).toBeLessThan(115_000);
  });

  it.each([
    ['invalid_client', 'invalid_client'],
    ['no client!', 'ERR_TOKEN_REQUEST_REJECTED'],
    ['!client', 'ERR_TOKEN_REQUEST_REJECTED'],
    ['x'.repeat(65), 'ERR_TOKEN_REQUEST_REJECTED'],
  ])('shares IMS’s own code where that is one: %s', async (error, code) => {
    const { exchange, shareFailure, renew } = setUp();
    exchange.mockRejectedValue(new TokenRequestRejectedError('no', { error, status: 400 }));
    await expect(renew()).rejects.toMatchObject({ error });
    expect(sharedBy(shareFailure)).toMatchObject({ code, retryAfterMs: 300_000 });
  });

  it.each([
    [1, 1000, 300_000],
    [10, 300_000, 300_000],
    [11, 1_024_000, 2_400_000],
    [12, 2_048_000, 2_400_000],
    [13, 2_400_000, 2_400_000],
  ])('writes no more often than its store can take for ever, after failure %d', async (count, away, refused) => {
    const { claim, options, exchange, shareFailure } = setUp();
    options.store = { ...options.store, writeIntervalMs: 1_200_000 };
    if (count > 1) claim.base.lastFailure = { id: 'f', code: 'x', retryAfterMs: 1000, count: count - 1 };
    for (const error of [
      serverError(),
      new TokenRequestRejectedError('no', { error: 'invalid_client', status: 400 }),
    ]) {
      exchange.mockRejectedValueOnce(error);
      await expect(renewClaimed(claim, false, options, signal)).rejects.toBe(error);
    }
    expect(shareFailure.mock.calls.map(([, failure]) => failure.retryAfterMs)).toEqual([away, refused]);
  });

  it('says of which failure it told the others, where it could', async () => {
    const { exchange, shareFailure, onFailureShared, renew } = setUp();
    exchange.mockRejectedValue(serverError());
    await expect(renew()).rejects.toThrow('IMS is away');
    expect(onFailureShared.mock.calls).toEqual([['new-id']]);
    shareFailure.mockRejectedValue(unavailable());
    await expect(renew()).rejects.toThrow('IMS is away');
    expect(onFailureShared).toHaveBeenCalledTimes(1);
  });

  it.each([
    [undefined, 1],
    [4, 4],
  ])('lets go of its claim where it is ended in the middle, after %s failures', async (before, count) => {
    const { clock, claim, options, exchange, shareFailure, onFailureShared } = setUp();
    if (before !== undefined) claim.base.lastFailure = { id: 'f', code: 'x', retryAfterMs: 1000, count: before };
    const closing = new AbortController();
    exchange.mockReturnValue(new Promise(() => undefined));
    shareFailure.mockReturnValue(new Promise(() => undefined));
    const renewal = expect(renewClaimed(claim, false, options, closing.signal)).rejects.toThrow('closed');
    closing.abort(new Error('closed'));
    // The store has no more than the time that a claim leaves for telling the others.
    await clock.advance(0.3 * TTL + 1);
    await renewal;
    expect(shareFailure.mock.calls.map(([of, failure]) => [of, failure])).toEqual([
      [claim, { id: 'new-id', code: 'ERR_ABORTED', retryAfterMs: 0, count }],
    ]);
    expect(onFailureShared).not.toHaveBeenCalled();
  });

  it('shares a failure that is not ours as an outage, and throws it as it is', async () => {
    const { exchange, shareFailure, renew } = setUp();
    const error = new TypeError('odd');
    exchange.mockRejectedValue(error);
    await expect(renew()).rejects.toBe(error);
    expect(sharedBy(shareFailure)).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryAfterMs: 1000 });
    exchange.mockRejectedValue(serverError());
    shareFailure.mockRejectedValue(unavailable());
    await expect(renew()).rejects.toThrow('IMS is away');
  });
});

describe('a shared failure', () => {
  const failure: SharedFailure = { id: 'f', code: 'invalid_client', retryAfterMs: 300_000, count: 1 };

  it('is mended by another version of the credential, and by nothing else', async () => {
    const credentialVersion = vi.fn(async (): Promise<string | undefined> => '8');
    const refused = { ...failure, credentialVersion: '7' };
    expect(await isMended(refused, { credentialVersion }, signal)).toBe(true);
    expect(await isMended({ ...failure, credentialVersion: '8' }, { credentialVersion }, signal)).toBe(false);
    expect(await isMended(failure, { credentialVersion }, signal)).toBe(false);
    expect(await isMended(refused, {}, signal)).toBe(false);
    credentialVersion.mockRejectedValue(unavailable());
    expect(await isMended(refused, { credentialVersion }, signal)).toBe(false);
    const reason = new Error('enough');
    await expect(isMended(refused, { credentialVersion }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
