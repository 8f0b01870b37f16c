import { promisify } from 'node:util';

/**
 * Takes the clocks and the timers of this process, so that time can be moved: for programs that let nobody choose their
 * clock. To be called before they are loaded.
 * @returns what moves it, to so many milliseconds ahead of the machine; timers that are due by then fire
 */
export function takeClock() {
  let aheadMs = 0;
  const RealDate = Date;
  const realMonotonic = performance.now.bind(performance);
  const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
  const pending = new Map();

  globalThis.Date = class extends RealDate {
    constructor(...args) {
      super(...(args.length === 0 ? [RealDate.now() + aheadMs] : args));
    }
    static now = () => RealDate.now() + aheadMs;
  };
  performance.now = () => realMonotonic() + aheadMs;
  globalThis.setTimeout = (callback, delayMs = 0, ...args) => {
    function run() {
      pending.delete(timer);
      callback(...args);
    }
    const timer = realSet(run, delayMs);
    pending.set(timer, { dueAt: performance.now() + delayMs, run });
    return timer;
  };
  globalThis.setTimeout[promisify.custom] = realSet[promisify.custom];
  globalThis.clearTimeout = (timer) => {
    pending.delete(timer);
    realClear(timer);
  };

  return function moveTo(ms) {
    aheadMs = ms;
    for (const [timer, { dueAt, run }] of [...pending]) {
      if (dueAt > performance.now() || !pending.has(timer)) continue;
      realClear(timer);
      run();
    }
  };
}
