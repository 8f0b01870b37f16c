import { execFile } from 'node:child_process';

/** Runs a command on a terminal of its own; at each text that it shows, in this order, types the keys beside it. */
const TYPIST = `
import fcntl, json, os, pty, struct, sys, termios, time
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    # Without a size, programs wrap every letter.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 200, 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
shown, looked = b'', 0
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    while steps and (at := shown.find(steps[0][0].encode(), looked)) >= 0:
        looked = at + 1
        for key in steps.pop(0)[1]:
            # Keys, and signals, that come at once are not told apart.
            time.sleep(0.1)
            os.write(terminal, key.encode())
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

export interface OnTerminal {
  code: number;
  /** Everything that the terminal was sent. */
  shown: string;
}

/** @param steps what to wait for, and the keys to press then */
export function onTerminal(
  words: readonly string[],
  steps: readonly [text: string, keys: readonly string[]][],
  options: { cwd: string; env: Readonly<Record<string, string | undefined>> },
): Promise<OnTerminal> {
  const args = ['-c', TYPIST, JSON.stringify(steps), ...words];
  return new Promise((resolve, reject) => {
    execFile('python3', args, { ...options, timeout: 30_000 }, (error, shown, stderr) => {
      if (error !== null && typeof error.code !== 'number')
        reject(new Error(`no terminal: ${error.message} ${stderr}`));
      else resolve({ code: error === null ? 0 : Number(error.code), shown });
    });
  });
}
