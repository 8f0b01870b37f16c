import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../bench/fleet/worker.mjs', import.meta.url));
const END_TIMEOUT_MS = 60_000;

/** What a worker is to do. It goes by IPC and by the environment, because it holds secrets. */
export interface WorkerJob {
  /** As createTokenProvider takes it. */
  config: object;
  /** All that its environment has beside PATH. */
  env: Readonly<Record<string, string>>;
  seed: number;
  /** How far its wall clock is ahead. */
  skewMs: number;
  /** Between two calls of getToken. */
  tickMs: number;
  /** Has IMS validate each new token. */
  validate?: { url: string; clientId: string };
  /** Stops asking once it has a token, until it is told to resume. */
  pauseAtFirst?: boolean;
}

/** Each new token, without the token, and each of the first failures of getToken. */
export type WorkerMessage = { kind: 'token'; digest: string; waitMs: number } | { kind: 'failure'; message: string };

export interface WorkerReport {
  calls: number;
  failures: number;
  /** Tokens handed out past the end that IMS wrote into them. */
  expired: number;
  /** Tokens that IMS did not call valid. */
  invalid: number;
  /** Milliseconds of each call of getToken, since the start or the message `measure`. */
  waits: number[];
  warnings: string[];
}

export interface FleetWorker {
  isRunning(): boolean;
  /** Forgets the waits so far. */
  measure(): void;
  /** Ends the pause of `pauseAtFirst`. */
  resume(): void;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** Undefined where it had to be killed, or had died. */
  stop(): Promise<WorkerReport | undefined>;
}

export interface FleetWorkerOptions {
  onMessage: (message: WorkerMessage) => void;
  /** The command that runs a program on another host. Default: on this one. */
  command?: (program: string, args: string[]) => [string, string[]];
}

/** Starts bench/fleet/worker.mjs: the built package in a process of its own, which asks for its token again and again. */
export function startFleetWorker({ env, ...job }: WorkerJob, options: FleetWorkerOptions): FleetWorker {
  const { onMessage, command = (program, args) => [program, args] } = options;
  const child = spawn(...command(process.execPath, [PROGRAM]), {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let ended = false;
  let report: WorkerReport | undefined;
  const end = new Promise<void>((resolve) => {
    const finish = () => {
      ended = true;
      resolve();
    };
    child.once('error', finish).once('exit', () => {
      // What it sent before its end may still be on the way.
      if (child.connected) child.once('disconnect', finish);
      else finish();
    });
  });
  child.on('message', (message: WorkerMessage | ({ kind: 'report' } & WorkerReport)) => {
    if (message.kind === 'report') report = message;
    else onMessage(message);
  });
  // One that has just died is told by its end.
  const send = (message: object | string) => void (ended || child.send(message, () => undefined));
  send(job);

  return {
    isRunning: () => !ended,
    measure: () => send('measure'),
    resume: () => send('resume'),
    async kill() {
      child.kill('SIGKILL');
      await end;
    },
    async stop() {
      send('stop');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
      await end;
      clearTimeout(timer);
      return report;
    },
  };
}
