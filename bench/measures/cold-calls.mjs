import { ms, table } from '../support/figures.mjs';
import { PEERS } from '../support/peers.mjs';
import { startTokenServer } from '../support/token-server.mjs';
import { startPeer } from '../support/workers.mjs';

export const title = '1,000 cold calls at once, in one process';

const CALLS = 1000;
const SHORT_CALLS = 50;
const LATENCY_MS = 200;

export async function measure(log, { short, draw }) {
  const server = await startTokenServer();
  server.setLatency(LATENCY_MS);
  const rows = [];
  const bars = [];
  try {
    for (const [key, { name }] of Object.entries(PEERS)) {
      // A thousand exchanges of the peers take longer than what they show.
      const calls = short && key !== 'imsvault' ? SHORT_CALLS : CALLS;
      const before = server.exchanges();
      const peer = startPeer(key, server);
      try {
        const { tookMs, tokens } = await peer.ask('cold', { calls });
        const exchanges = server.exchanges() - before;
        log(`${name}: ${exchanges} exchanges for ${calls} calls`);
        if (key === 'imsvault' && (exchanges !== 1 || tokens !== 1)) {
          throw new Error(`${exchanges} exchanges, ${tokens} tokens`);
        }
        bars.push([name, exchanges]);
        rows.push([name, ...[calls, exchanges, tokens].map((count) => count.toLocaleString('en')), ms(tookMs)]);
      } finally {
        peer.stop();
      }
    }
  } finally {
    server.stop();
  }
  draw({ axis: 'exchanges', scale: 'log', bars });
  return `Each in a process of its own, against a server with TLS that answers after ${LATENCY_MS} ms; once. Each is called as for
[a warm call](#a-warm-call). The time has the loading of the package in it.

${table(['', 'calls', 'exchanges', 'tokens', 'until all have one'], rows)}`;
}
