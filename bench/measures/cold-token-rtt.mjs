import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createImsEmulator } from '../../dist/testing.js';
import { startFarAway } from '../support/far-away.mjs';
import { median, ms, table } from '../support/figures.mjs';
import { inTurn, ratioTo } from '../support/rounds.mjs';
import { createAuthority, startOpenBao, writeSecret } from '../support/servers.mjs';

export const title = 'A cold token at 50 ms round trip';

const ROUND_TRIP_MS = 50;
/** The goal is 1.1. A connection that is not made ahead costs two round trips: 1.5. */
const CEILING = 1.35;
const MAX_LIFE_MS = 120_000;
const CLIENTS = [
  ['ideal', 'the network alone'],
  ['imsvault', '`imsvault`'],
  ['node-http', '`node:https` by hand'],
  ['fetch', 'the built-in `fetch` by hand'],
  ['undici', 'undici by hand'],
  ['node-vault-core-auth', 'node-vault and core-auth'],
];

/** OpenBao and IMS, both with TLS and both far away, and the environment of who asks them. */
async function startServers() {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-'));
  const authority = await createAuthority('imsvault bench authority');
  const { certificate: cert, key } = await authority.issue({ addresses: ['127.0.0.1'] });
  const ims = await createImsEmulator({ tls: { key, cert } }).start();
  const bao = await startOpenBao({ tls: true });
  await writeSecret(bao, 'secret/data/ims/fusion', {
    data: { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' },
  });
  const [vaultAway, imsAway] = [
    await startFarAway(bao.port, ROUND_TRIP_MS),
    await startFarAway(Number(new URL(ims.url).port), ROUND_TRIP_MS),
  ];
  const authorities = join(folder, 'authorities.pem');
  writeFileSync(authorities, `${authority.certificate}\n${readFileSync(bao.caFile, 'utf8')}`);
  return {
    ims,
    vaultAway,
    imsAway,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      NODE_EXTRA_CA_CERTS: authorities,
      VAULT_ADDR: `https://127.0.0.1:${vaultAway.port}`,
      VAULT_TOKEN: bao.adminToken,
      TOKEN_ENDPOINT: `https://127.0.0.1:${imsAway.port}/ims/token/v3`,
    },
    async stop() {
      for (const away of [vaultAway, imsAway]) await away.stop();
      await bao.close();
      await ims.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function startClient(name, env) {
  const child = fork(fileURLToPath(new URL('../support/cold-client.mjs', import.meta.url)), [name], {
    env,
    timeout: MAX_LIFE_MS,
  });
  const died = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${name} ended with ${code ?? signal}`);
  });
  died.catch(() => undefined);
  return { name, child, died };
}

export async function measure(log, { short, atMost, draw }) {
  const [processes, rounds] = short ? [1, 5] : [7, 7];
  const servers = await startServers();
  const { ims, vaultAway, imsAway } = servers;

  async function sample({ name, child, died }) {
    const before = [vaultAway.connections(), imsAway.connections(), ims.exchanges];
    child.send('token');
    const [{ token, tookMs }] = await Promise.race([once(child, 'message'), died]);
    if (!ims.isIssued(token)) throw new Error(`${name}: no token of IMS`);
    const made = [vaultAway.connections(), imsAway.connections(), ims.exchanges].map((count, at) => count - before[at]);
    if (made.some((count) => count !== 1)) {
      throw new Error(`${name}: ${made[0]} connections to Vault, ${made[1]} to IMS, ${made[2]} exchanges`);
    }
    for (const away of [vaultAway, imsAway]) away.drop();
    await sleep(20);
    return tookMs;
  }

  const first = CLIENTS.map(() => []);
  const later = CLIENTS.map(() => []);
  try {
    for (let count = 1; count <= processes; count++) {
      const children = CLIENTS.map(([name]) => startClient(name, servers.env));
      try {
        for (const [at, each] of children.entries()) first[at].push(await sample(each));
        for (const [at, times] of (await inTurn(children, rounds, sample)).entries()) later[at].push(...times);
      } finally {
        for (const { child } of children) child.kill();
      }
      log(`${count} of ${processes} processes each`);
    }
  } finally {
    await servers.stop();
  }
  const [ideal, own] = later;
  atMost('a cold token, beside what the network takes', ratioTo(own, ideal), CEILING);
  const rows = CLIENTS.map(([, name], at) => [
    name,
    ms(median(later[at])),
    ratioTo(later[at], ideal).toFixed(2),
    ms(median(first[at])),
  ]);
  draw({ axis: 'ms', scale: 'linear', bars: CLIENTS.map(([, name], at) => [name, median(later[at])]) });
  return `A token with no connection open, of a process that has its modules loaded; and the first one of a process, with the loading.
Both servers, a real OpenBao and the emulator, speak TLS 1.3 behind relays that delay each direction by ${ROUND_TRIP_MS / 2} ms and a new
connection's first bytes by ${ROUND_TRIP_MS} ms, as its handshake would. ${rounds} rounds in turned order in each of ${processes} processes of each; medians,
and the median of the rounds' ratios. Each token took one connection to each server. The network
alone is a read of Vault over a new connection, and one round trip to IMS over an open one. The goal is 1.1.

${table(['', 'a cold token', 'to the network alone', 'the first of a process'], rows)}`;
}
