import { describe, expect, it } from 'vitest';
import { mismatch, sharedFailure } from '../../../src/token/fleet/fleet-errors.js';
import { createRejectionLimit } from '../../../src/token/fleet/fleet-rejections.js';
import { createFleetWarnings } from '../../../src/token/fleet/fleet-warnings.js';
import { createGenerationGuard } from '../../../src/token/fleet/generation-guard.js';
import { fakeToken } from '../../support/fake-token.js';
import { createManualClock } from '../../support/manual-clock.js';

describe('the limit on rejected tokens', () => {
  it.each([-600_000, 0, 600_000])('counts by the servers’ clock, %d ms ahead', (offset) => {
    const clock = createManualClock();
    const limit = createRejectionLimit(clock);
    const old = fakeToken(clock.now() - 60_000, 3600);
    expect(limit.isTooSoon(fakeToken(clock.now() - 59_999, 3600), undefined, offset)).toBe(true);
    expect(limit.isTooSoon(old, undefined, offset)).toBe(false);
    const serversNow = clock.now() + offset;
    expect(limit.isTooSoon(old, serversNow - 299_999, offset)).toBe(true);
    expect(limit.isTooSoon(old, serversNow - 300_000, offset)).toBe(false);
  });

  it('lets one process renew alone every five minutes', async () => {
    const clock = createManualClock();
    await clock.advance(1_000_000);
    const limit = createRejectionLimit(clock);
    const old = fakeToken(clock.now() - 60_000, 3600);
    expect(limit.isTooSoonAlone(fakeToken(clock.now(), 3600))).toBe(true);
    expect(limit.isTooSoonAlone(old)).toBe(false);
    await clock.advance(299_999);
    expect(limit.isTooSoonAlone(old)).toBe(true);
    await clock.advance(1);
    expect(limit.isTooSoonAlone(old)).toBe(false);
  });
});

describe('warnings of a fleet', () => {
  it.each([
    [30_000, []],
    [-30_000, []],
    [30_001, ["this machine's clock is 30 s behind"]],
    [-600_000, ["this machine's clock is 600 s ahead"]],
  ])('tell once of a clock, with the servers’ %d ms ahead', (offset, expected) => {
    const told: string[] = [];
    const warnings = createFleetWarnings('the store', (message) => told.push(message));
    for (let times = 0; times < 3; times++) warnings.ofClock(offset);
    expect(told).toEqual(expected);
  });

  it('tell of waiting once, and again after a token came', () => {
    const told: string[] = [];
    const warnings = createFleetWarnings('the store', (message) => told.push(message));
    const waiting = 'the store: there is no usable token yet; waiting for those who renew';
    warnings.ofWaiting();
    warnings.ofWaiting();
    expect(told).toEqual([waiting]);
    warnings.tokenCame();
    warnings.ofWaiting();
    expect(told).toEqual([waiting, waiting]);
  });
});

describe('the guard of generations', () => {
  it('refuses a leap within an hour, on a process that runs for long already, and says what to do', async () => {
    const clock = createManualClock();
    await clock.advance(10_000_000);
    const guard = createGenerationGuard(clock);
    guard.check(5000, 'the store');
    const leap = () => guard.check(6001, 'the store');
    expect(leap).toThrow('the store: its generation has risen by more than 1000');
    expect(leap).toThrow(expect.objectContaining({ hint: expect.stringContaining('check who may write there') }));
    await clock.advance(3_599_999);
    expect(leap).toThrow();
    await clock.advance(1);
    leap();
    guard.check(7, 'the store');
    expect(guard.highest).toBe(6001);
  });

  it('counts the hour from when it last saw the generation that is there', async () => {
    const clock = createManualClock();
    const guard = createGenerationGuard(clock);
    guard.check(1, 'the store');
    await clock.advance(3_000_000);
    guard.check(1, 'the store');
    await clock.advance(3_000_000);
    expect(() => guard.check(1002, 'the store')).toThrow('risen by more than 1000');
  });
});

describe('errors of a fleet', () => {
  it('say what another process met, and when the next renewal is due', () => {
    const message = 'the store: the last renewal, by another process, failed with';
    expect(sharedFailure('the store', 'invalid_client', 1001)).toMatchObject({
      code: 'ERR_TOKEN_REQUEST_REJECTED',
      message: `${message} invalid_client; the next one is due in 2 s`,
      retryAfterMs: 1001,
    });
    expect(sharedFailure('the store', 'ERR_X', 1000)).toMatchObject({
      code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
      message: `${message} ERR_X; the next one is due in 1 s`,
    });
  });

  it('say that a document is another fleet’s, and what to do', () => {
    expect(mismatch('the store')).toMatchObject({
      code: 'ERR_TOKEN_DOCUMENT_MISMATCH',
      message: 'the store: its document is for another endpoint, scope, organisation or client',
      hint: expect.stringContaining('tokenStore.onMismatch'),
    });
  });
});
