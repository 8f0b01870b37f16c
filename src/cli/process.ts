import { setFlagsFromString } from 'node:v8';
import { ConfigInvalidError, vendorCause } from '../errors.js';
import { EXIT } from './exit-codes.js';
import { Interrupted, type Io } from './io.js';
import { main, wantsJson } from './main.js';
import { OutputFailed, printError, Unfinished } from './print-error.js';

/** Runs this process's command line, and ends the process with its exit code. */
export async function run(): Promise<never> {
  skipWasmOptimising();
  const args = process.argv.slice(2);
  const io = processIo();
  // Which Node.js a vendor will support next year is no concern of a command's stderr.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Who reads no further wants to hear no more either: the end that SIGPIPE gives other programs.
    if (error.code === 'EPIPE') process.exit(EXIT.brokenPipe);
    printError(new OutputFailed(error.code), io, { json: wantsJson(args), debug: false });
    process.exit(EXIT.unexpected);
  });
  // Nowhere is left to tell that stderr is gone.
  process.stderr.on('error', () => undefined);
  // Node takes it for the end when nothing is left to wait for, and ends with 0 in the middle of a command.
  process.once('beforeExit', () => {
    process.exitCode = EXIT.unexpected;
    printError(new Unfinished(), io, { json: wantsJson(args), debug: false });
  });

  const exitCode = await main(args, io);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // A vendor's SDK may hold sockets or timers; nothing of them is needed any more.
  process.exit(exitCode);
}

/**
 * V8 goes on optimising the WebAssembly of undici's HTTP parser after the work is done, and even process.exit() waits
 * for it: 100 ms of 370 on two cores. One command needs no optimised parser.
 */
function skipWasmOptimising(): void {
  // A V8 that does not know the flag would say so on stderr.
  if (Number.parseInt(process.versions.node, 10) <= 26) setFlagsFromString('--liftoff-only');
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    // A full disk fails to take even nothing, which is no fault where there was nothing to write.
    if (stream.writableLength === 0 && stream.errored === null) return resolve();
    stream.write('', () => resolve());
  });
}

/** @throws ERR_CONFIG_INVALID */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    const cause = vendorCause(error);
    throw new ConfigInvalidError(
      [{ path: '', message: `the working directory cannot be read (${cause.code ?? cause.name}); was it deleted?` }],
      { cause, hint: 'Change to one that is there.' },
    );
  }
}

function processIo(): Io {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    // Once: the second signal ends the process at once.
    process.once(name, () => controller.abort(new Interrupted(name)));
  }
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    // Not opened before it is read: an open pipe is one more thing that could keep the process.
    get stdin() {
      return process.stdin.setEncoding('utf8');
    },
    // As it was given: what is set here for a vendor is no part of the call.
    env: { ...process.env },
    // Asked where it is needed: the help needs none, and its folder may have been deleted.
    get cwd() {
      return workingFolder();
    },
    signal: controller.signal,
    onHangup: (listener) => void process.on('SIGHUP', listener),
    ...(process.stdin.isTTY && process.stderr.isTTY ? { confirm: (text) => ask(text, controller.signal) } : {}),
    ...(process.stdin.isTTY && process.stdout.isTTY
      ? { prompts: async () => (await import('../init/prompts.js')).createPrompts() }
      : {}),
  };
}

async function ask(question: string, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // The terminal's own handler would keep Ctrl-C from the process.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim());
  } catch (error) {
    // Ctrl-D: no answer is no yes.
    if (!signal.aborted && (error as NodeJS.ErrnoException).code === 'ABORT_ERR') return false;
    throw error;
  } finally {
    terminal.close();
  }
}
