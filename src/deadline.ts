import type { Clock } from './clock.js';

/** Thrown by {@link withDeadline} when the time is up; callers translate it into an error of their own. */
export class DeadlineExceeded extends Error {
  readonly timeoutMs: number;
  constructor(timeoutMs: number) {
    super(`no result within ${timeoutMs} ms`);
    this.name = 'DeadlineExceeded';
    this.timeoutMs = timeoutMs;
  }
}

/**
 * Runs `work` with a signal that aborts after `timeoutMs` milliseconds or with the caller's `signal`.
 * It settles at that moment even if `work` ignores its signal.
 * @throws {@link DeadlineExceeded}, `signal.reason`, or what `work` throws
 */
export async function withDeadline<T>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.setTimer(() => controller.abort(new DeadlineExceeded(timeoutMs)), timeoutMs, { ref: true });
  try {
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
      work(controller.signal).then(resolve, reject);
    });
  } finally {
    cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Settles as `promise` does, or rejects with the signal's reason, whichever comes first. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const leave = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(leave);
  });
}

/**
 * Who waits for each signal, behind one listener: a thousand callers may share a signal, and Node warns of eleven
 * listeners. A signal of each call's own, by `AbortSignal.any`, would leave its mark on a signal that outlives the call.
 */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** @returns ends the waiting */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  let callbacks = waiting.get(signal);
  if (callbacks === undefined) {
    callbacks = new Set();
    waiting.set(signal, callbacks);
    signal.addEventListener('abort', aborted, { once: true });
  }
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', aborted);
  };
}

function aborted({ target }: Event): void {
  for (const callback of waiting.get(target as AbortSignal) ?? []) callback();
}
