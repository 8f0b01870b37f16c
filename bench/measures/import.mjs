import { pathToFileURL } from 'node:url';
import { createCommands } from '../support/commands.mjs';
import { median, ms, table } from '../support/figures.mjs';
import { inTurn, moreThan, ratioTo } from '../support/rounds.mjs';

export const title = 'Importing the package';

/** Beside google-auth-library, what both take over an empty module: milliseconds would fail a busy machine. */
const CEILING = 0.5;
const CEILING_MIB = 6;
const PEERS = [
  'google-auth-library',
  '@adobe/aio-lib-core-auth',
  '@adobe/aio-lib-ims',
  '@azure/identity',
  'simple-oauth2',
  'openid-client',
  'oauth4webapi',
  '@badgateway/oauth2-client',
  '@smithy/property-provider',
  '@aws-lambda-powertools/parameters/base',
  'undici',
];

export async function measure(_log, { short, atMost, draw }) {
  const rounds = short ? 5 : 21;
  const commands = createCommands();
  const dist = (file) => new URL(`../../dist/${file}`, import.meta.url).href;
  const subjects = [
    ['an empty module', pathToFileURL(commands.file('empty.mjs')).href],
    ['`imsvault`', dist('index.js')],
    ['`imsvault/http`', dist('http.js')],
    ['`imsvault/testing`', dist('testing.js')],
    ...(short ? PEERS.slice(0, 1) : PEERS).map((name) => [`\`${name}\``, import.meta.resolve(name)]),
  ];
  try {
    const results = await inTurn(subjects, rounds, async ([, url]) => {
      const program = `
        const startedAt = performance.now();
        await import(${JSON.stringify(url)});
        console.log(JSON.stringify([performance.now() - startedAt, process.memoryUsage.rss() / 2 ** 20]));`;
      const { stdout } = await commands.run(['--input-type=module', '-e', program]);
      return JSON.parse(stdout);
    });
    const times = results.map((all) => all.map(([time]) => time));
    const sizes = results.map((all) => all.map(([, mib]) => mib));
    const [own, peer] = [times[1], times[4]].map((values) => moreThan(values, times[0]));
    atMost('import of imsvault, beside google-auth-library', own / peer, CEILING);
    atMost('MiB of importing imsvault', moreThan(sizes[1], sizes[0]), CEILING_MIB);
    const rows = subjects.map(([name], at) => [
      name,
      ms(median(times[at])),
      ms(moreThan(times[at], times[0])),
      `${moreThan(sizes[at], sizes[0]).toFixed(1)} MiB`,
      ratioTo(times[at], times[0]).toFixed(1),
    ]);
    draw({
      axis: 'ms over an empty module',
      scale: 'log',
      bars: subjects.flatMap(([name], at) =>
        at === 0 || /imsvault\//.test(name) ? [] : [[name, moreThan(times[at], times[0])]],
      ),
    });
    return `Each import in a process of its own, ${rounds} rounds in turned order; medians, and medians of the rounds' differences. The goals
are 10 ms and 3 MiB over an empty module.

${table(['import of', 'time', 'over an empty module', 'memory over it', 'times an empty module'], rows)}`;
  } finally {
    commands.remove();
  }
}
