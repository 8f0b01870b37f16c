import { expect, it } from 'vitest';
import { createReloader } from '../../src/agent/reload.js';
import { settle } from '../support/manual-clock.js';

it('runs one reload at a time, and one more for all that are asked for meanwhile', async () => {
  const ends: (() => void)[] = [];
  const reloader = createReloader(() => new Promise((resolve) => ends.push(resolve)));
  for (let count = 0; count < 3; count++) reloader.request();
  await settle();
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await settle();
  expect(ends).toHaveLength(2);
  reloader.request();
  let closed = false;
  void reloader.close().then(() => {
    closed = true;
  });
  await settle();
  expect(closed).toBe(false);
  ends[1]?.();
  await settle();
  reloader.request();
  expect([closed, ends.length]).toEqual([true, 2]);
});

it('misses no request that comes when a reload has just ended', async () => {
  for (let turns = 0; turns < 5; turns++) {
    let runs = 0;
    const reloader = createReloader(async () => {
      if (++runs > 1) return;
      let later = Promise.resolve();
      for (let turn = 0; turn < turns; turn++) later = later.then(() => undefined);
      void later.then(() => reloader.request());
    });
    reloader.request();
    await settle();
    expect(runs).toBe(2);
  }
});
