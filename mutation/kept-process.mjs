import { ForksPoolWorker } from 'vitest/node';

/** The listeners that each run leaves behind add up. */
const RUNS = 100;
let kept;

/**
 * A pool of one process that outlives its run: each mutant is a run, and a new process costs more than most tests.
 * Test files and sources are loaded anew each time all the same.
 */
export const keptProcess = { name: 'kept', createPoolWorker: (options) => createWorker(options) };

function createWorker(options) {
  const worker = new ForksPoolWorker(options);
  const { start, stop, send, on, off } = Object.fromEntries(
    ['start', 'stop', 'send', 'on', 'off'].map((name) => [name, worker[name].bind(worker)]),
  );
  const listeners = [];
  return Object.assign(worker, {
    name: 'kept',
    async start() {
      if (kept?.fork.exitCode === null && kept.fork.signalCode === null) worker._fork = kept.fork;
      else {
        await start();
        kept = { fork: worker._fork, runs: 0 };
      }
    },
    on(event, callback) {
      listeners.push([event, callback]);
      on(event, callback);
    },
    send(message) {
      if (message?.type !== 'stop') return send(message);
      // The process would end what it needs for the next run.
      const stopped = { __vitest_worker_response__: true, type: 'stopped' };
      for (const [event, callback] of listeners) if (event === 'message') setImmediate(callback, stopped);
    },
    async stop() {
      if (++kept.runs < RUNS) for (const [event, callback] of listeners.splice(0)) off(event, callback);
      else {
        kept = undefined;
        await stop();
      }
    },
  });
}
