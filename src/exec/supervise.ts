import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock } from '../clock.js';
import { reachesChild } from './terminal.js';

export interface SuperviseOptions {
  /** A program and its arguments. */
  command: readonly [string, ...string[]];
  /** The child's environment, asked for at each start. */
  environment: () => NodeJS.ProcessEnv;
  /** From the SIGTERM of a restart, or a second SIGTERM from outside, to SIGKILL; in milliseconds. */
  killAfterMs: number;
  clock: Clock;
  /** Whose signals are passed on. */
  signals: Pick<NodeJS.Process, 'on' | 'off' | 'platform'>;
}

export interface Supervised {
  /**
   * The exit code of the last child; 128 + n when signal n ended it.
   * @throws NodeJS.ErrnoException when a child could not be started
   */
  readonly ended: Promise<number>;
  signal(name: NodeJS.Signals): void;
  /**
   * SIGTERM, SIGKILL when that is not heeded in time, and a new child after the old one's end. Nothing where the child
   * has ended by itself.
   */
  restart(): void;
  /** After the end. Until then signals do nothing to this process, so that it can clean up. */
  close(): void;
}

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
const ENDS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGTERM', 'SIGQUIT']);

/** Starts a child on this process's own stdin, stdout and stderr, and passes signals on until it is closed. */
export function supervise({ command, environment, killAfterMs, clock, signals }: SuperviseOptions): Supervised {
  const [file, ...args] = command;
  let child: ChildProcess;
  let restarting = false;
  let terminated = false;
  let cancelKill: (() => void) | undefined;

  function killLater(): void {
    cancelKill ??= clock.setTimer(() => child.kill('SIGKILL'), killAfterMs);
  }

  function passOn(name: NodeJS.Signals): void {
    if (ENDS.has(name)) restarting = false;
    if (name === 'SIGTERM') {
      // The first leaves the child its time: whoever sent it has a limit of his own, and SIGKILL after that.
      if (terminated) killLater();
      terminated = true;
    }
    // Windows tells every program of a console by itself, and a signal passed on would be the end at once.
    if (signals.platform !== 'win32' && !reachesChild(name)) child.kill(name);
  }

  function replace(): void {
    if (terminated || restarting || child.exitCode !== null || child.signalCode !== null) return;
    restarting = true;
    child.kill('SIGTERM');
    killLater();
  }

  const ended = new Promise<number>((resolve, reject) => {
    function start(): void {
      try {
        child = spawn(file, args, { stdio: 'inherit', env: environment() });
      } catch (error) {
        // Some causes are thrown, as for an environment that is too large.
        reject(error);
        return;
      }
      // A signal that the child may not be sent, as it runs as another user, is an error too.
      child.on('error', (error) => {
        if (child.pid === undefined) reject(error);
      });
      child.once('exit', (code, signal) => {
        cancelKill?.();
        cancelKill = undefined;
        if (!restarting) return resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]);
        restarting = false;
        start();
      });
    }
    for (const name of PASSED_ON) signals.on(name, passOn);
    start();
  });

  return {
    ended,
    signal: (name) => void child.kill(name),
    restart() {
      // The child may have ended unnoticed: Node looks for that between two of these.
      setImmediate(() => setImmediate(replace));
    },
    close() {
      for (const name of PASSED_ON) signals.off(name, passOn);
    },
  };
}
