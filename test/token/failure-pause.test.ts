import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { createFailurePause } from '../../src/token/failure-pause.js';
import { createManualClock } from '../support/manual-clock.js';

const outage = (retryAfterMs?: number) =>
  new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'down', retryAfterMs === undefined ? {} : { retryAfterMs });

/** How long the pause lasts after so many failures in a row, in milliseconds. */
async function pauseAfter(failures: number, hasUsableToken: boolean, random: number, error: unknown = outage()) {
  const clock = createManualClock();
  const pause = createFailurePause(clock, () => random);
  for (let failure = 0; failure < failures; failure++) pause.failed(error);
  let length = 0;
  for (; pause.refusal(hasUsableToken) !== undefined; length += 500) {
    expect(pause.refusal(hasUsableToken)).toBe(error);
    await clock.advance(500);
  }
  return length;
}

describe('pause after failures', () => {
  it.each([
    [0, true, 0],
    [1, true, 1000],
    [2, true, 2000],
    [3, true, 4000],
    [9, true, 256_000],
    [10, true, 300_000],
    [2000, true, 300_000],
    [0, false, 0],
    [1, false, 0],
    [2, false, 1000],
    [3, false, 2000],
    [6, false, 16_000],
    [7, false, 30_000],
    [2000, false, 30_000],
  ])('of %d, with a token: %s', async (failures, hasUsableToken, expected) => {
    expect(await pauseAfter(failures, hasUsableToken, 0.999_999)).toBe(expected);
  });

  it('is at least half of its bound', async () => {
    expect(await pauseAfter(10, true, 0)).toBe(150_000);
    expect(await pauseAfter(4, false, 0)).toBe(2000);
  });

  it.each([
    [true, 120_000, 120_000],
    [true, 3_244_000, 300_000],
    [false, 120_000, 1000],
  ])("and the server's wish, with a token: %s", async (hasUsableToken, wish, expected) => {
    expect(await pauseAfter(2, hasUsableToken, 0, outage(wish))).toBe(hasUsableToken ? expected : 500);
    expect(await pauseAfter(2, hasUsableToken, 0.999_999, outage(wish))).toBe(expected);
  });

  it('is none where another process renews: who has a token only comes again when that says', async () => {
    const clock = createManualClock();
    const pause = createFailurePause(clock, () => 0.999_999);
    const othersRenew = new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', 'another renews', { retryAfterMs: 5000 });
    await clock.advance(10_000);
    pause.failed(othersRenew, true);
    expect([pause.leftMs(true), pause.leftMs(false)]).toEqual([5000, 0]);
    expect([pause.refusal(true), pause.refusal(false)]).toEqual([othersRenew, undefined]);
    await clock.advance(4999);
    expect(pause.refusal(true)).toBe(othersRenew);
    await clock.advance(1);
    expect([pause.leftMs(true), pause.refusal(true)]).toEqual([0, undefined]);
    pause.failed(new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', 'another renews'), true);
    expect(pause.leftMs(true)).toBe(0);
    pause.failed(othersRenew, true);
    pause.succeeded();
    expect(pause.leftMs(true)).toBe(0);
    // Not counted: this is the first failure.
    pause.failed(outage(), true);
    expect(Math.round(pause.leftMs(true))).toBe(1000);
  });

  it('for who has no token counts only failures without one, and none that was a wait for others', () => {
    const pause = createFailurePause(createManualClock(), () => 0.999_999);
    for (let failure = 0; failure < 5; failure++) {
      pause.failed(outage(), true);
      pause.failed(new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', 'in vain'));
    }
    expect(pause.leftMs(false)).toBe(0);
    expect(pause.leftMs(true)).toBeGreaterThan(1000);
  });

  it('ends with a success, and starts small again', async () => {
    const clock = createManualClock();
    const pause = createFailurePause(clock, () => 0.999_999);
    for (let failure = 0; failure < 8; failure++) pause.failed(outage());
    pause.succeeded();
    expect(pause.refusal(true)).toBeUndefined();
    pause.failed(outage());
    expect(pause.refusal(false)).toBeUndefined();
    expect(pause.refusal(true)).toBeDefined();
    await clock.advance(1000);
    expect(pause.refusal(true)).toBeUndefined();
  });
});
