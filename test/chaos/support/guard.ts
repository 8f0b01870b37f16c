import { afterEach } from 'vitest';

// Vitest fails the run for an unhandled rejection, and may blame no test; here the cell that ran at the time fails.
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('warning', (warning) => {
  if (warning.name === 'MaxListenersExceededWarning') unhandled.push(warning);
});

afterEach(async () => {
  // Rejections are told after the microtasks of their turn.
  await new Promise((resolve) => setImmediate(resolve));
  const [first, ...more] = unhandled.splice(0);
  if (first === undefined) return;
  throw new Error(`nobody handled this rejection, and ${more.length} more`, { cause: first });
});
