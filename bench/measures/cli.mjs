import { createImsEmulator } from '../../dist/testing.js';
import { CLI, CREDENTIAL, createCommands } from '../support/commands.mjs';
import { median, ms, table } from '../support/figures.mjs';
import { inTurn, moreThan, ratioTo } from '../support/rounds.mjs';

export const title = 'The command line, warm';

/** The goals are 1.25 and 6 MiB. */
const CEILING = 2.5;
const CEILING_MIB = 12;
const FILES = {
  'empty.cjs': '',
  'imsvault.config.yaml': 'credentials: { provider: env }\n',
  'profiles.yaml': 'defaultProfile: a\nprofiles:\n  a: { credentials: { provider: env } }\n  b: {}\n',
};

export async function measure(_log, { short, atMost }) {
  const rounds = short ? 15 : 41;
  const ims = await createImsEmulator().start();
  const commands = createCommands(FILES);
  const env = { ...CREDENTIAL, IMSVAULT_IMS_TOKEN_ENDPOINT: ims.tokenEndpoint };
  const subjects = [
    ['`node empty.cjs`', [commands.file('empty.cjs')]],
    ['`imsvault token`', [CLI, 'token']],
    ['`imsvault token -o json -c FILE`', [CLI, 'token', '-o', 'json', '-c', commands.file('profiles.yaml')]],
  ];
  try {
    // The round that warms up makes the tokens.
    const results = await inTurn(subjects, rounds, async ([, args]) => {
      const { tookMs } = await commands.run(args, env);
      return { tookMs, ...(await commands.usage(args, env)) };
    });
    if (ims.exchanges !== 2) throw new Error(`${ims.exchanges} exchanges, so it was not warm`);
    const times = results.map((all) => all.map(({ tookMs }) => tookMs));
    const sizes = results.map((all) => all.map(({ mib }) => mib));
    atMost('a warm imsvault token, beside node', ratioTo(times[1], times[0]), CEILING);
    atMost('MiB of a warm imsvault token', moreThan(sizes[1], sizes[0]), CEILING_MIB);
    const rows = subjects.map(([name], at) => [
      name,
      ms(median(times[at])),
      `${ratioTo(times[at], times[0]).toFixed(2)}×`,
      `${moreThan(sizes[at], sizes[0]).toFixed(1)} MiB`,
    ]);
    return `Each call in a process of its own, ${rounds} rounds in turned order; medians, and medians of the rounds' ratios and differences.
The token is in the cache of the user. The goals are 1.25 times the time of an empty program, and 6 MiB more.

${table(['command', 'time', 'beside an empty program', 'memory over it'], rows)}`;
  } finally {
    commands.remove();
    await ims.stop();
  }
}
