/** Calls at once while the pace is taken: about as many as tests that run at once. */
const AT_ONCE = 8;
const [LEAST_MS, MOST_MS] = [500, 4000];

let slackMs = 1500;

/** What a machine as busy as this one may add to any bound, in milliseconds. */
export const slack = () => slackMs;

/**
 * A timeout that this machine, as busy as it is, keeps with room to spare when nothing is wrong: short, because each test
 * of a silent server waits for it, and no shorter, because a slow answer would be taken for a silent one.
 * @param call something that a test does when nothing is wrong
 * @returns milliseconds
 */
export async function takePace(call: () => Promise<unknown>): Promise<number> {
  // The first call of all loads code.
  await call();
  let slowest = 0;
  const timed = async () => {
    const begun = performance.now();
    await call();
    slowest = Math.max(slowest, performance.now() - begun);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, timed));
  slackMs = Math.max(slackMs, 3 * slowest);
  return Math.min(Math.max(LEAST_MS, 2 * slowest), MOST_MS);
}
