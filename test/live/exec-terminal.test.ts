import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProgram, type Program } from '../cli/program.js';
import { emulated, workspace } from '../cli/support.js';

let program: Program;
beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());

/** Runs a command on a terminal of its own, types Ctrl-C three times when the command says "up", and prints what the terminal shows. */
const TYPIST = `
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown, typed = b'', False
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    if b'up' in shown and not typed:
        typed = True
        for _ in range(3):
            # Signals that come at once are one signal.
            time.sleep(0.1)
            os.write(terminal, b'\\x03')
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

describe.skipIf(process.platform === 'win32')('imsvault exec on a terminal', () => {
  it('lets Ctrl-C reach the child once each time, not twice', async () => {
    const { env } = await emulated();
    const script = `let count = 0;
process.on('SIGINT', () => { count++; });
setTimeout(() => { console.log('count ' + count + process.stdin.isTTY); process.exit(5); }, 1500);
console.log('up');`;
    const words = [process.execPath, program.bin, 'exec', '--', process.execPath, '-e', script];
    const end = await promisify(execFile)('python3', ['-c', TYPIST, ...words], {
      cwd: await workspace(),
      env: { PATH: process.env.PATH, ...env },
    }).catch((error: { code: number; stdout: string }) => error);
    expect(end).toMatchObject({ code: 5, stdout: expect.stringContaining('count 3true') });
  });
});
