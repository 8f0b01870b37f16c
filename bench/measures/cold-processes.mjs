import { createImsEmulator } from '../../dist/testing.js';
import { CLI, CREDENTIAL, createCommands } from '../support/commands.mjs';
import { ms, table } from '../support/figures.mjs';
import { PEER_PROGRAM, PEERS } from '../support/peers.mjs';
import { startOpenBao } from '../support/servers.mjs';
import { startTokenServer } from '../support/token-server.mjs';

export const title = '8 cold processes at once, on one machine';

const PROCESSES = 8;
const LATENCY_MS = 200;

/** The same command so many times at once, in a home where none has run before. */
async function atOnce(commands, args, env) {
  const startedAt = performance.now();
  const outputs = await Promise.all(Array.from({ length: PROCESSES }, () => commands.run(args, env)));
  return { tookMs: performance.now() - startedAt, tokens: outputs.map(({ stdout }) => stdout) };
}

async function runCli({ tokenStore, args = [], env = {} }) {
  const ims = await createImsEmulator().start();
  ims.fail({ kind: 'latency', ms: LATENCY_MS });
  const shared = tokenStore === undefined ? {} : { tokenStore };
  const config = { ims: { tokenEndpoint: ims.tokenEndpoint }, credentials: { provider: 'env' }, ...shared };
  const commands = createCommands({ 'config.json': JSON.stringify(config) });
  try {
    const command = [CLI, '--config', commands.file('config.json'), 'token', ...args];
    const { tookMs, tokens } = await atOnce(commands, command, { ...CREDENTIAL, ...env });
    if (!tokens.every((each) => ims.isIssued(each))) throw new Error('a process printed no token of IMS');
    return { exchanges: ims.exchanges, tookMs };
  } finally {
    commands.remove();
    await ims.stop();
  }
}

/** The exchanges of each peer, and how long it took. */
async function runPeers(log) {
  const server = await startTokenServer();
  server.setLatency(LATENCY_MS);
  const results = [];
  try {
    for (const [key, { name }] of Object.entries(PEERS)) {
      if (key === 'imsvault') continue;
      const commands = createCommands();
      const before = server.exchanges();
      const { HOME: _home, ...env } = server.env;
      try {
        const { tookMs } = await atOnce(commands, [PEER_PROGRAM, key, 'print'], env);
        results.push({ name, exchanges: server.exchanges() - before, tookMs });
        log(`${name}: ${results.at(-1).exchanges} exchanges`);
      } finally {
        commands.remove();
      }
    }
  } finally {
    server.stop();
  }
  return results;
}

export async function measure(log, { short }) {
  const bao = await startOpenBao();
  try {
    const auth = { method: 'token', token: '${VAULT_TOKEN}' };
    const env = { VAULT_TOKEN: bao.adminToken };
    const tokenStore = { provider: 'vault', address: bao.address, path: 'ims/token', auth };
    const args = ['--no-cache'];
    const cached = await runCli({});
    const shared = await runCli({ tokenStore, args, env });
    const alone = await runCli({ args });
    if (cached.exchanges !== 1) throw new Error(`${cached.exchanges} exchanges with the cache`);
    if (shared.exchanges !== 1) throw new Error(`${shared.exchanges} exchanges with a token store`);
    const row = (name, { exchanges, tookMs }) => [name, exchanges, ms(tookMs)];
    // What they count does not change with this repository.
    const peers = short ? [] : await runPeers(log);
    const rows = [
      row('`imsvault token`: they share the cache of the user', cached),
      row('`imsvault token --no-cache`, with a `tokenStore` in OpenBao', shared),
      row('`imsvault token --no-cache` alone', alone),
      ...peers.map((peer) => row(`${peer.name}, a program that prints its token`, peer)),
    ];
    return `Once each, with ${LATENCY_MS} ms at IMS.

${table(['', 'exchanges', 'until the last has printed its token'], rows)}`;
  } finally {
    await bao.close();
  }
}
