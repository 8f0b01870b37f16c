import { ms, table } from '../support/figures.mjs';
import { PEERS } from '../support/peers.mjs';
import { LIFE_SECONDS, startTokenServer } from '../support/token-server.mjs';
import { startPeer } from '../support/workers.mjs';

export const title = 'When the server fails, and when a client is printed';

const AT_MOST_MS = 60_000;
const MINUTE = 60_000;
const LIFE_MS = LIFE_SECONDS * 1000;
/** When a call comes, after the exchange. */
const CALLS = { '10 min after': 10 * MINUTE, '4 min before its end': LIFE_MS - 4 * MINUTE };

/** What becomes of all peers at once, each in a process of its own, with a server of their own. */
async function forAll(keys, run) {
  const server = await startTokenServer();
  const peers = keys.map((key) => startPeer(key, server));
  try {
    return await run(peers, server);
  } finally {
    for (const peer of peers) peer.stop();
    server.stop();
  }
}

const all = (peers, work, options) => Promise.all(peers.map((peer) => peer.ask(work, options)));

export async function measure(log) {
  const keys = Object.keys(PEERS);
  const shown = await forAll(keys, (peers) => all(peers, 'secretShown'));
  log('whether a secret is shown');
  const waits = await forAll(keys, (peers, server) => {
    server.fallSilent();
    return all(peers, 'wait', { atMostMs: AT_MOST_MS });
  });
  log('how long a call waits');
  const keeping = keys.filter((key) => PEERS[key].keepsNothing !== true);
  const served = await forAll(keeping, async (peers, server) => {
    await all(peers, 'first');
    server.goAway();
    const answers = [];
    for (const afterMs of Object.values(CALLS)) {
      answers.push(await all(peers, 'again', { afterMs, atMostMs: AT_MOST_MS }));
    }
    return answers;
  });

  const [{ inspect, json }] = shown;
  if (inspect || json) throw new Error('imsvault shows its secret');
  if (waits[0] === undefined) throw new Error(`imsvault waits longer than ${ms(AT_MOST_MS)}`);
  if (served.some(([answer]) => answer !== 'served')) throw new Error(`imsvault gave ${served.map(([own]) => own)}`);

  const late = `> ${AT_MOST_MS / 1000} s`;
  const answerOf = (answers, key) => {
    if (!keeping.includes(key)) return '–';
    const answer = answers[keeping.indexOf(key)];
    return answer === 'served' ? 'the token' : answer === undefined ? late : 'an error';
  };
  const shownAs = (result) => (result === undefined ? '–' : result ? 'yes' : 'no');
  const rows = keys.map((key, at) => [
    PEERS[key].name,
    waits[at] === undefined ? late : `${(waits[at] / 1000).toFixed(0)} s`,
    ...served.map((answers) => answerOf(answers, key)),
    ['inspect', 'json'].map((way) => shownAs(shown[at]?.[way])).join(', '),
  ]);
  return `Each called as for [a warm call](#a-warm-call). A server that takes requests and answers none: how long a first call waits, looked at for
${AT_MOST_MS / 1000} s. A server that refuses connections, while the token of ${LIFE_SECONDS / 3600} hours is valid: what a call gives; the process's clocks and
timers are moved for it. And whether the client secret is in what \`util.inspect(client, { depth: 20 })\` and \`JSON.stringify(client)\` give.

${table(['', 'the server is silent', ...Object.keys(CALLS).map((when) => `it is down, ${when}`), 'secret in inspect, JSON'], rows)}`;
}
