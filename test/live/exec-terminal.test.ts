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
process.on('SIGINT', () => { count++; });
setTimeout(() => { console.log('count ' + count + process.stdin.isTTY); process.exit(5); }, 1500);
console.log('up');`;
    const words = [process.execPath, program.bin, 'exec', '--', process.execPath, '-e', script];
    const ctrlC = '\x03';
    const end = await onTerminal(words, [['up', [ctrlC, ctrlC, ctrlC]]], {
      cwd: await workspace(),
      env: { PATH: process.env.PATH, ...env },
    });
    expect(end).toMatchObject({ code: 5, shown: expect.stringContaining('count 3true') });
  });
});
