// Loaded before the program (node --import): notes in a file what else than its output could show a secret.
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';

const file = join(process.env.LEAK_PROBE, `${process.pid}.notes`);
const note = (what, value) => {
  // One line for each.
  const shown = inspect(value, {
    breakLength: Infinity,
    compact: true,
    depth: Infinity,
    showHidden: true,
    getters: true,
    maxStringLength: Infinity,
    maxArrayLength: Infinity,
  });
  appendFileSync(file, `${what}: ${shown} ${JSON.stringify(value)}\n`);
};
const traced = ['exchange', 'store'].flatMap((name) =>
  ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => `tracing:imsvault:${name}:${event}`),
);
for (const name of ['imsvault:token', ...traced]) subscribe(name, (message) => note(`channel ${name}`, message));
process.on('warning', (warning) => note('warning', warning));
process.on('uncaughtExceptionMonitor', (error) => note('uncaught error', error));
process.on('exit', () => {
  note('title', process.title);
  note('command line', readFileSync('/proc/self/cmdline', 'utf8'));
  // Its environment is what whoever started it gave.
  const { environmentVariables: _given, ...report } = process.report.getReport();
  note('report', report);
});
