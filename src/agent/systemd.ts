import { spawn } from 'node:child_process';
import type { Clock } from '../clock.js';
import { vendorCause } from '../errors.js';

/** Tells systemd how the service is (sd_notify(3)); without a NOTIFY_SOCKET it does nothing. */
export interface ServiceNotifier {
  ready(): Promise<void>;
  reloading(): Promise<void>;
  stopping(): Promise<void>;
  /** Ends the watchdog's messages. */
  close(): void;
}

export interface NotifierOptions {
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** CLOCK_MONOTONIC, microseconds: systemd tells a reload's end from its start by it. */
  monotonicUsec: () => bigint;
  pid: number;
  /** Told once when systemd cannot be told. */
  warn: (message: string) => void;
}

const TIMEOUT_MS = 10_000;

/**
 * By systemd's own program, because Node has no datagram sockets of the Unix kind: the unit needs `NotifyAccess=all`.
 */
export function createServiceNotifier({ env, clock, monotonicUsec, pid, warn }: NotifierOptions): ServiceNotifier {
  const isWatched = Boolean(env.NOTIFY_SOCKET);
  const intervalMs = isWatched ? watchdogMs(env, pid) : undefined;
  let warned = false;
  let cancel = (): void => undefined;
  let isBeating = false;
  /** In the order in which things happened: each message is a process of its own. */
  let last: Promise<void> = Promise.resolve();

  function send(...variables: string[]): Promise<void> {
    if (!isWatched) return last;
    last = last.then(() => notify(variables, env)).catch(failed);
    return last;
  }

  function failed(error: unknown): void {
    if (warned) return;
    warned = true;
    const { code, name } = vendorCause(error);
    warn(`systemd-notify failed (${code ?? name}): systemd is not told how this service is`);
  }

  function watch(): void {
    if (intervalMs === undefined) return;
    cancel();
    cancel = clock.setTimer(() => {
      // Where systemd-notify hangs, messages would queue up.
      if (!isBeating) {
        isBeating = true;
        send('WATCHDOG=1').finally(() => {
          isBeating = false;
        });
      }
      watch();
    }, intervalMs);
  }

  return {
    ready() {
      watch();
      return send('READY=1');
    },
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${monotonicUsec()}`),
    stopping: () => send('STOPPING=1'),
    close: () => cancel(),
  };
}

/** Half of the time after which systemd takes the service for dead; undefined where it does not watch this process. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: NotifierOptions['env'], pid: number): number | undefined {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(pid)) return undefined;
  const usec = Number(WATCHDOG_USEC);
  return Number.isInteger(usec) && usec > 0 ? Math.max(1, Math.floor(usec / 2000)) : undefined;
}

function notify(variables: readonly string[], env: NotifierOptions['env']): Promise<void> {
  return new Promise((resolve, reject) => {
    const { PATH, NOTIFY_SOCKET } = env;
    const child = spawn('systemd-notify', variables, {
      env: { PATH, NOTIFY_SOCKET },
      stdio: 'ignore',
      timeout: TIMEOUT_MS,
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(Object.assign(new Error('systemd-notify failed'), { code: signal ?? `EXIT_${code}` }));
    });
  });
}
