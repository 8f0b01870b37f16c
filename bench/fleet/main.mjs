// npm run bench:fleet -- --workers 200 --hosts 10 --lifetimes 20 --life 10 --seed 1
// Ends with 1 when exchanges ≠ generations, or a worker was without a valid token.
import { parseArgs } from 'node:util';
import { machine } from '../support/figures.mjs';
import { runFleet } from './fleet.mjs';
import { hostsProblem } from './hosts.mjs';
import { fleetTable, problemsOf } from './report.mjs';

const USAGE = `npm run bench:fleet -- [options]
  --workers N    processes, each with its own token provider. Default 200
  --hosts N      network namespaces that they are spread over; 0: all on loopback. Default 10
  --or-loopback  on loopback where namespaces are not to be had
  --lifetimes N  generations of the token to watch, once all workers have started. Default 20
  --life S       of a token, in seconds. Default 10; 20 or more with --skew
  --skew MIN     wall clocks of a third of the hosts are MIN minutes ahead, of another third behind. Default 0
  --latency MS   of IMS. Default 200
  --seed N       of the workers' randomness. Default 1
`;

const options = {
  workers: '200',
  hosts: '10',
  lifetimes: '20',
  life: '10',
  skew: '0',
  latency: '200',
  seed: '1',
};

function fail(message) {
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exit(2);
}

function readArguments() {
  try {
    const text = Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, { type: 'string', default: value }]),
    );
    const flags = { 'or-loopback': { type: 'boolean', default: false }, help: { type: 'boolean', default: false } };
    return parseArgs({ options: { ...text, ...flags } }).values;
  } catch (error) {
    return fail(error.message);
  }
}

function number(name, least) {
  const value = Number(given[name]);
  if (!(Number.isInteger(value) && value >= least)) fail(`--${name} must be a whole number from ${least} on`);
  return value;
}

const given = readArguments();
if (given.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const wanted = {
  workers: number('workers', 1),
  hosts: number('hosts', 0),
  lifetimes: number('lifetimes', 1),
  life: number('life', 4),
  skew: number('skew', 0),
  latencyMs: number('latency', 0),
  seed: number('seed', 0),
};
// The Date of a store's answer has whole seconds, so a corrected clock may be a second off; the floor is 5 % of the life.
if (wanted.skew > 0 && wanted.life < 20) fail('--skew needs --life 20 or more');
const problem = wanted.hosts === 0 ? undefined : hostsProblem();
if (problem !== undefined) {
  if (!given['or-loopback']) fail(`--hosts ${wanted.hosts}: ${problem}; --hosts 0 runs on loopback`);
  console.log(`on loopback instead of ${wanted.hosts} hosts: ${problem}`);
  wanted.hosts = 0;
}

console.log(`${machine()}; ${JSON.stringify(wanted)}`);
const result = await runFleet(wanted, console.log);
console.log(`\n${fleetTable([[wanted, result]])}`);
console.log(
  `\nWith the start: ${result.exchangesInAll} exchanges, ${result.generationsInAll} generations; seed ${wanted.seed}`,
);
for (const warning of result.warnings) console.log(`warning of a worker: ${warning}`);
const problems = problemsOf(result, wanted);
for (const each of problems) console.error(`PROBLEM: ${each}`);
if (problems.length > 0) process.exitCode = 1;
