import { untilAborted } from '../../src/deadline.js';

/**
 * Many callers, one run of `work`. Each caller leaves by its own signal; when the last one has left, the run is aborted.
 * @param work must throw, and change nothing, once its signal is aborted
 */
export function createSingleFlight<T>(work: (signal: AbortSignal) => Promise<T>): (signal?: AbortSignal) => Promise<T> {
  interface Flight {
    result: Promise<T>;
    controller: AbortController;
    waiting: number;
  }
  let current: Flight | undefined;

  function start(): Flight {
    const controller = new AbortController();
    const flight: Flight = { result: work(controller.signal), controller, waiting: 0 };
    const end = () => {
      if (current === flight) current = undefined;
    };
    flight.result.then(end, end);
    return flight;
  }

  return async (signal) => {
    signal?.throwIfAborted();
    current ??= start();
    const flight = current;
    flight.waiting++;
    try {
      return await untilAborted(flight.result, signal);
    } finally {
      if (--flight.waiting === 0 && current === flight) {
        current = undefined;
        flight.controller.abort();
      }
    }
  };
}
