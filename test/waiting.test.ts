import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { sleep, systemClock } from '../src/clock.js';
import { DeadlineExceeded, untilAborted, withDeadline } from '../src/deadline.js';
import { fullJitterDelay, parseRetryAfter, runWithRetry } from '../src/retry.js';
import { createManualClock, settle } from './support/manual-clock.js';

describe('retry', () => {
  const policy = { maxAttempts: 3, baseDelayMs: 100, maxDelayMs: 300, maxRetryAfterMs: 1000 };

  it('jitters over the whole doubled bound', () => {
    expect([1, 2, 3, 9].map((failures) => fullJitterDelay(policy, failures, 0.999))).toEqual([
      99.9, 199.8, 299.7, 299.7,
    ]);
    expect(fullJitterDelay(policy, 5, 0)).toBe(0);
  });

  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['0', 0],
    [' 12 ', 12_000],
    ['1e3', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 50_000],
    ['Thursday, 01-Jan-70 00:01:00 GMT', 50_000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['99999999999', undefined],
  ])('reads Retry-After %j', (header, expected) => {
    expect(parseRetryAfter(header, 10_000)).toBe(expected);
  });

  it("reads asctime's date as UTC, wherever the machine is", () => {
    vi.stubEnv('TZ', 'Asia/Tokyo');
    try {
      expect(parseRetryAfter('Thu Jan  1 00:01:00 1970', 10_000)).toBe(50_000);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('tries as often as it may, then throws the last error', async () => {
    const clock = createManualClock();
    const attempt = vi.fn(async (number: number) => {
      throw new Error(`try ${number}`);
    });
    const run = expect(
      runWithRetry(attempt, { policy, clock, random: () => 0.5, decide: () => ({ retry: true }) }),
    ).rejects.toThrow('try 3');
    await clock.advance(1000);
    await run;
    expect(attempt).toHaveBeenCalledTimes(3);
  });
});

describe('a retried attempt', () => {
  const policy = { maxAttempts: 3, baseDelayMs: 100, maxDelayMs: 300, maxRetryAfterMs: 1000 };
  const always = { policy, random: () => 0.5, decide: () => ({ retry: true, retryAfterMs: 5000 }) };

  it('tells of a wait, and whether the wish was cut', async () => {
    const clock = createManualClock();
    const onRetry = vi.fn();
    const error = new Error('x');
    const attempt = vi.fn(async () => 7).mockRejectedValueOnce(error);
    const run = runWithRetry(attempt, { ...always, clock, onRetry });
    await clock.advance(2000);
    expect(await run).toBe(7);
    expect(onRetry.mock.calls).toEqual([[error, 1050, true]]);
    attempt.mockRejectedValueOnce(error);
    const decide = () => ({ retry: true, retryAfterMs: 1000 });
    const again = runWithRetry(attempt, { ...always, clock, decide, onRetry });
    await clock.advance(2000);
    await again;
    expect(onRetry.mock.calls.at(-1)).toEqual([error, 1050, false]);
  });

  it('is not begun again where the wait would use up what is left', async () => {
    const clock = createManualClock();
    const attempt = vi.fn(async () => Promise.reject(new Error('x')));
    await expect(runWithRetry(attempt, { ...always, clock, remainingMs: () => 1050 })).rejects.toThrow('x');
    expect(attempt).toHaveBeenCalledTimes(1);
  });

  it("is not begun for a caller who has gone, and ends with the caller's reason", async () => {
    const attempt = vi.fn();
    const clock = createManualClock();
    await expect(runWithRetry(attempt, { ...always, clock, signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
    expect(attempt).not.toHaveBeenCalled();
    const controller = new AbortController();
    const leaving = async () => {
      controller.abort('left');
      throw new Error('x');
    };
    const final = { ...always, decide: () => ({ retry: false }) };
    await expect(runWithRetry(leaving, { ...final, clock, signal: controller.signal })).rejects.toBe('left');
  });
});

describe('until aborted', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');

  it('settles as the promise does, or with the reason, and leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve(7), signal)).toBe(7);
    await settle();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await expect(untilAborted(Promise.reject(new Error('x')), signal)).rejects.toThrow('x');
    await expect(untilAborted(new Promise(() => undefined), AbortSignal.abort('gone'))).rejects.toBe('gone');
    expect(await untilAborted(Promise.resolve(8), undefined)).toBe(8);
  });

  it('needs one listener for all who wait on a signal, for as long as one of them does', async () => {
    const controller = new AbortController();
    const listeners = () => getEventListeners(controller.signal, 'abort').length;
    const ends: (() => void)[] = [];
    const waits = [0, 1].map(() => untilAborted(new Promise<void>((end) => ends.push(end)), controller.signal));
    const last = untilAborted(new Promise(() => undefined), controller.signal);
    expect(listeners()).toBe(1);
    for (const end of ends) end();
    await Promise.all(waits);
    await settle();
    expect(listeners()).toBe(1);
    controller.abort('enough');
    await expect(last).rejects.toBe('enough');
    await settle();
    expect(listeners()).toBe(0);
    await expect(untilAborted(new Promise(() => undefined), controller.signal)).rejects.toBe('enough');
    expect(listeners()).toBe(0);
  });

  it('leaves nothing in memory on a signal that lives as long as the program', async () => {
    const { signal } = new AbortController();
    const wait = async (times: number) => {
      for (let call = 0; call < times; call++) await untilAborted(Promise.resolve(), signal);
      await settle();
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await wait(1000);
    expect((await wait(50_000)) - before).toBeLessThan(1_000_000);
  });

  it('ends with a signal of a time, which nobody else holds', async () => {
    const wait = untilAborted(new Promise(() => undefined), AbortSignal.timeout(20));
    collect();
    await expect(wait).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('deadline', () => {
  it("ends with the caller's reason, and tells the work", async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    let told: unknown;
    const run = withDeadline(clock, 50, controller.signal, (signal) => {
      signal.addEventListener('abort', () => {
        told = signal.reason;
      });
      return new Promise(() => undefined);
    });
    controller.abort('enough');
    await expect(run).rejects.toBe('enough');
    expect(told).toBe('enough');
    expect(clock.pending).toBe(0);
  });

  it('settles in time even if the work ignores its signal', async () => {
    const clock = createManualClock();
    const run = expect(withDeadline(clock, 50, undefined, () => new Promise(() => undefined))).rejects.toThrow(
      DeadlineExceeded,
    );
    await clock.advance(50);
    await run;
  });

  it('leaves no timer and no listener behind', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    expect(await withDeadline(clock, 50, controller.signal, async () => 7)).toBe(7);
    expect(clock.pending).toBe(0);
    expect(remove).toHaveBeenCalledWith('abort', expect.any(Function));
  });

  it('does not begin work for a caller who has gone', async () => {
    const work = vi.fn();
    await expect(withDeadline(createManualClock(), 50, AbortSignal.abort('gone'), work)).rejects.toBe('gone');
    expect(work).not.toHaveBeenCalled();
  });
});

describe('sleep', () => {
  it('does not begin for a caller who has gone, and leaves no listener behind', async () => {
    const clock = createManualClock();
    await expect(sleep(clock, 1000, AbortSignal.abort('gone'))).rejects.toBe('gone');
    expect(clock.pending).toBe(0);
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const nap = sleep(clock, 10, signal);
    await clock.advance(10);
    await nap;
    expect(remove).toHaveBeenCalledWith('abort', expect.any(Function));
  });

  it('ends at once on abort, and cleans up', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const nap = expect(sleep(clock, 1000, controller.signal)).rejects.toBe('woken');
    controller.abort('woken');
    await nap;
    expect(clock.pending).toBe(0);
  });

  it('takes longer delays than a timer does, without firing at once', () => {
    const setTimeout = vi.spyOn(globalThis, 'setTimeout');
    for (const delay of [2 ** 40, -1]) systemClock.setTimer(() => undefined, delay)();
    expect(setTimeout.mock.calls.map(([, delay]) => delay)).toEqual([2 ** 31 - 1, 0]);
    setTimeout.mockRestore();
  });

  it('keeps the process alive only where somebody waits', () => {
    const setTimeout = vi.spyOn(globalThis, 'setTimeout');
    const cancels = [{}, { ref: true }].map((options) => systemClock.setTimer(() => undefined, 1000, options));
    expect(setTimeout.mock.results.map(({ value }) => value.hasRef())).toEqual([false, true]);
    for (const cancel of cancels) cancel();
    setTimeout.mockRestore();
  });
});
