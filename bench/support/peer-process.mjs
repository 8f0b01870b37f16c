// A process of one peer: does what its parent says, and sends what came of it. With the argument `print` it prints a token.
import { inspect } from 'node:util';
import { PEERS, SECRET } from './peers.mjs';
import { inTurn } from './rounds.mjs';

const { open, tokenOf } = PEERS[process.argv[2]];
const BLOCK_MS = 5;
const KEYS = 16;

// Before any peer is loaded: the wall clock can be moved.
const realNow = Date.now;
const shiftMs = 0;

function moveClock() {
  globalThis.Date = class extends Date {
    constructor(...args) {
      super(...(args.length === 0 ? [realNow() + shiftMs] : args));
    }
    static now = () => realNow() + shiftMs;
  };
}

/** As many calls as take BLOCK_MS. */
async function calibrated(measure, call) {
  let count = 16;
  while ((await measure(call, count)) * count < BLOCK_MS * 1e6) count *= 2;
  return { measure, call, count };
}

const loops = (subject) => import(`./loops.mjs?${subject}`);
const round = ({ measure, call, count }) => measure(call, count);

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

  /** What a program shows that prints its client. */
  async secretShown() {
    const { client, getToken } = await open(process.env);
    await getToken();
    if (client === undefined) return undefined;
    const json = () => {
      try {
        return JSON.stringify(client) ?? '';
      } catch {
        return '';
      }
    };
    return { inspect: inspect(client, { depth: 20 }).includes(SECRET), json: json().includes(SECRET) };
  },

  /** @returns milliseconds until a call of a cold client ended, or undefined after `atMostMs` */
  async waits({ atMostMs }) {
    const { getToken } = await open(process.env);
    const startedAt = performance.now();
    const ended = getToken().catch(() => undefined);
    const late = new Promise((resolve) => setTimeout(resolve, atMostMs, 'late'));
    return (await Promise.race([ended, late])) === 'late' ? undefined : performance.now() - startedAt;
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
