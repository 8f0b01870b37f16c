#!/usr/bin/env node
'use strict';

const exitCode = printCached();
if (exitCode === undefined) {
  // Else Node opens its debugger at this signal, on a port that every user of the machine can reach.
  process.on('SIGUSR1', () => undefined);
  import('../dist/cli.js').then(({ run }) => run());
} else process.exitCode = exitCode;

/** Whatever goes wrong here, the whole program meets again, and says what it is. */
function printCached() {
  try {
    return require('../dist/fast-token.cjs').printCachedToken(process.argv, process.env);
  } catch {
    return undefined;
  }
}
