import { median, table } from '../support/figures.mjs';
import { howTheyAreCalled, PEERS } from '../support/peers.mjs';
import { ratioTo } from '../support/rounds.mjs';
import { startTokenServer } from '../support/token-server.mjs';
import { startPeer } from '../support/workers.mjs';

export const title = 'A warm call';

const ROUNDS = 21;
/** The goals are 1.3 and 3. */
const CALL_CEILING = 4;
const PEEK_CEILING = 10;

export async function measure(log, { short, atMost, draw }) {
  const names = Object.keys(PEERS).filter((key) => PEERS[key].keepsNothing !== true);
  const processes = short ? 1 : 5;
  const server = await startTokenServer();
  const rounds = Object.fromEntries(names.map((key) => [key, [[], [], [], [], []]]));
  try {
    for (let count = 1; count <= processes; count++) {
      for (const key of names) {
        const peer = startPeer(key, server);
        try {
          const results = await peer.ask('warm', { rounds: ROUNDS });
          for (const [at, all] of results.entries()) rounds[key][at].push(...all);
        } finally {
          peer.stop();
        }
      }
      log(`${count} of ${processes} processes each`);
    }
  } finally {
    server.stop();
  }
  const [settled, asynchronous, own, map, peek] = rounds.imsvault;
  atMost('await getToken(), beside an async function', ratioTo(own, asynchronous), CALL_CEILING);
  atMost('peekToken(), beside a Map', ratioTo(peek, map), PEEK_CEILING);
  const ns = (values) => `${Math.round(median(values)).toLocaleString('en')} ns`;
  const times = (value) => (value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en'));
  const rows = names.map((key) => {
    const [ofSettled, ofAsync, call] = rounds[key];
    return [PEERS[key].name, ns(call), times(ratioTo(call, ofSettled)), times(ratioTo(call, ofAsync))];
  });
  draw({
    axis: 'times an async function',
    scale: 'log',
    bars: names.map((key) => [PEERS[key].name, ratioTo(rounds[key][2], rounds[key][1])]),
  });
  return `An \`await\` of each, of a token that is held, in ${processes} processes of each by turns; each does ${ROUNDS} rounds of blocks of 5 ms in
turned order with an \`await\` of a settled promise (${ns(settled)}) and of an async function (${ns(asynchronous)}). Medians, and the medians of the
rounds' ratios. The goal is 1.3 to an async function.

${table(['', 'a call', 'to a settled promise', 'to an async function'], rows)}

\`peekToken()\` takes ${ns(peek)}, ${times(ratioTo(peek, map))} times a look into a \`Map\` of 16 (${ns(map)}); the goal is 3. How each is called:

${howTheyAreCalled()}`;
}
