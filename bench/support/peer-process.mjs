// A process of one peer: does what its parent says, and sends what came of it. With the argument `print` it prints a token.
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { takeClock } from './moved-clock.mjs';
import { PEERS, SECRET } from './peers.mjs';
import { inTurn } from './rounds.mjs';

const { open, tokenOf } = PEERS[process.argv[2]];
const BLOCK_MS = 5;
const KEYS = 16;

/** As many calls as take BLOCK_MS. */
async function calibrated(measure, call) {
  let count = 16;
  while ((await measure(call, count)) * count < BLOCK_MS * 1e6) count *= 2;
  return { measure, call, count };
}

const loops = (subject) => import(`./loops.mjs?${subject}`);
const round = ({ measure, call, count }) => measure(call, count);

/** Some have cycles. */
function asJson(client) {
  try {
    return JSON.stringify(client) ?? '';
  } catch {
    return '';
  }
}

let moveClockTo;
let kept;

const WORK = {
  /** @returns nanoseconds for each round of: a settled promise, an async function, getToken; then a Map, peekToken */
  async warm({ rounds }) {
    const { getToken, peekToken } = await open(process.env);
    const token = await getToken();
    const settled = Promise.resolve(token);
    const calls = { settled: () => settled, asynchronous: async () => token, getToken };
    const awaited = [];
    for (const [subject, call] of Object.entries(calls)) {
      awaited.push(await calibrated((await loops(subject)).awaitedNs, call));
    }
    const results = await inTurn(awaited, rounds, round);
    if (peekToken === undefined) return results;
    const keys = Array.from({ length: KEYS }, (_, index) => `client-${index}`);
    const map = new Map(keys.map((key) => [key, token]));
    const look = (index) => map.get(keys[index % KEYS]);
    const called = [
      await calibrated((await loops('map')).calledNs, look),
      await calibrated((await loops('peek')).calledNs, peekToken),
    ];
    return [...results, ...(await inTurn(called, rounds, round))];
  },

  async cold({ calls }) {
    const startedAt = performance.now();
    const { getToken } = await open(process.env);
    const tokens = await Promise.all(Array.from({ length: calls }, () => getToken()));
    return { tookMs: performance.now() - startedAt, tokens: new Set(tokens.map(tokenOf)).size };
  },

  /** @returns whether a program that prints its client shows the secret; undefined where there is no client */
  async secretShown() {
    const { client, getToken } = await open(process.env);
    await getToken();
    if (client === undefined) return undefined;
    return { inspect: inspect(client, { depth: 20 }).includes(SECRET), json: asJson(client).includes(SECRET) };
  },

  /** @returns milliseconds until a cold call ended; undefined where it had not after `atMostMs` */
  async wait({ atMostMs }) {
    const { getToken } = await open(process.env);
    const startedAt = performance.now();
    const ended = getToken().then(
      () => true,
      () => true,
    );
    return (await Promise.race([ended, sleep(atMostMs, false)])) ? performance.now() - startedAt : undefined;
  },

  /** Gets the first token. Its client is kept, for `again`. */
  async first() {
    moveClockTo = takeClock();
    kept = await open(process.env);
    await kept.getToken();
  },

  /** @returns what a call gives `afterMs` later: `served`, or the error's name; undefined as above */
  async again({ afterMs, atMostMs }) {
    const late = sleep(atMostMs);
    moveClockTo(afterMs);
    const answer = kept.getToken().then(
      () => 'served',
      ({ code, name }) => code ?? name,
    );
    return Promise.race([answer, late]);
  },
};

process.on('disconnect', () => process.exit());
process.on('message', async ({ work, ...options }) => {
  try {
    process.send({ result: await WORK[work](options) });
  } catch (error) {
    process.send({ error: inspect(error) });
  }
});

if (process.argv[3] === 'print') {
  const { getToken } = await open(process.env);
  console.log(tokenOf(await getToken()));
}
