import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type Program } from '../cli/program.js';
import { emulated, workspace } from '../cli/support.js';
import { onTerminal } from './servers/terminal.js';

let program: Program;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

describe.skipIf(process.platform === 'win32')('imsvault exec on a terminal', () => {
  it('lets Ctrl-C reach the child once each time, not twice', async () => {
    const { env } = await emulated();
    const script = `let count = 0;
process.on('SIGINT', () => {
  console.log('got ' + ++count);
  // A second one for the same key would come at once.
  if (count === 3) setTimeout(() => { console.log('count ' + count + process.stdin.isTTY); process.exit(5); }, 500);
});
setTimeout(() => process.exit(6), 30_000);
console.log('up');`;
    const words = [process.execPath, program.bin, 'exec', '--', process.execPath, '-e', script];
    const ctrlC = '\x03';
    // One at a time: signals that wait for a busy process become one.
    const keys: [string, string[]][] = ['up', 'got 1', 'got 2'].map((shown) => [shown, [ctrlC]]);
    const end = await onTerminal(words, keys, {
      cwd: await workspace(),
      env: { PATH: process.env.PATH, ...env },
    });
    expect(end).toMatchObject({ code: 5, shown: expect.stringContaining('count 3true') });
  });
});
