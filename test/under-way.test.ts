import { expect, it } from 'vitest';
import { createUnderWay } from '../src/under-way.js';

it('waits for all that is under way, whether it succeeds or not, and for nothing else', async () => {
  const works = createUnderWay();
  await works.ended();
  let finish: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => {
    finish = resolve;
  });
  expect(works.add(slow)).toBe(slow);
  await expect(works.add(Promise.reject(new Error('no')))).rejects.toThrow('no');
  let hasEnded = false;
  const ended = works.ended().then(() => {
    hasEnded = true;
  });
  await Promise.resolve();
  expect(hasEnded).toBe(false);
  finish();
  await ended;
});
