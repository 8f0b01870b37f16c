import { fileURLToPath } from 'node:url';
import { createImsEmulator } from '../../dist/testing.js';
import { CLI, createCommands } from '../support/commands.mjs';
import { median, ms, table } from '../support/figures.mjs';
import { inTurn, moreThan } from '../support/rounds.mjs';
import { startOpenBao, writeSecret } from '../support/servers.mjs';

export const title = 'The command line, cold: a read of Vault and an exchange';

/** Beside the usual pair of packages, what both take over bare node: milliseconds would fail a busy machine. */
const CEILING = 2;
const peer = (name) => fileURLToPath(new URL(`../cold-clients/${name}.mjs`, import.meta.url));

export async function measure(log, { short, atMost, draw }) {
  const rounds = short ? 3 : 21;
  const ims = await createImsEmulator().start();
  const bao = await startOpenBao();
  const config = `ims: { tokenEndpoint: '${ims.tokenEndpoint}' }
credentials: { provider: vault, path: ims/fusion, auth: { method: token } }
`;
  const commands = createCommands({ 'imsvault.config.yaml': config });
  const env = { VAULT_ADDR: bao.address, VAULT_TOKEN: bao.adminToken, TOKEN_ENDPOINT: ims.tokenEndpoint };
  try {
    const data = { client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' };
    await writeSecret(bao, 'secret/data/ims/fusion', { data });
    const imsvault = [CLI, '-c', commands.file('imsvault.config.yaml'), 'token', '--no-cache'];
    const subjects = [
      { name: 'node with an empty module', args: [commands.file('empty.mjs')] },
      { name: '`imsvault token --no-cache`', args: imsvault, exchanges: 1 },
      { name: '`node:http` by hand', args: [peer('node-http'), 'print'], exchanges: 1 },
      { name: 'the built-in `fetch` by hand', args: [peer('fetch'), 'print'], exchanges: 1 },
      { name: 'undici by hand', args: [peer('undici'), 'print'], exchanges: 1 },
      { name: 'node-vault and core-auth', args: [peer('node-vault-core-auth'), 'print'], exchanges: 1 },
    ];
    let round = 0;
    const results = await inTurn(subjects, rounds, async ({ name, args, exchanges = 0 }) => {
      const before = ims.exchanges;
      const { tookMs, stdout } = await commands.run(args, env);
      if (ims.exchanges - before !== exchanges) throw new Error(`${name}: ${ims.exchanges - before} exchanges`);
      if (exchanges === 1 && !ims.isIssued(stdout)) throw new Error(`${name}: printed no token of IMS`);
      if (name === subjects[0].name) log(`round ${round++} of ${rounds}`);
      return { tookMs, ...(await commands.usage(args, env)) };
    });
    const [bare] = results;
    const more = (all, of) => moreThan(all.map(of), bare.map(of));
    const wall = ({ tookMs }) => tookMs;
    atMost(
      'a cold imsvault token, beside node-vault and core-auth',
      more(results[1], wall) / more(results.at(-1), wall),
      CEILING,
    );
    const rows = subjects.map(({ name }, index) => [
      name,
      ms(median(results[index].map(wall))),
      ms(more(results[index], wall)),
      ms(more(results[index], ({ cpuMs }) => cpuMs)),
      `${more(results[index], ({ mib }) => mib).toFixed(1)} MiB`,
    ]);
    draw({
      axis: 'ms over bare node',
      scale: 'linear',
      bars: subjects.slice(1).map(({ name }, at) => [name, more(results[at + 1], wall)]),
    });
    return `Each is a process of its own, from its start to its end, that reads the credential from a real OpenBao and exchanges it at the
emulator; ${rounds} rounds in turned order, medians of the differences in a round. The goal is 150 ms over bare node.

${table(['', 'wall', 'over bare node', 'CPU over bare node', 'memory over bare node'], rows)}`;
  } finally {
    commands.remove();
    await bao.close();
    await ims.stop();
  }
}
