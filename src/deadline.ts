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
  // A signal of this call's own: a thousand callers may share theirs, and Node warns of eleven listeners.
  const own = AbortSignal.any([signal]);
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (own.aborted) onAbort();
    own.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => own.removeEventListener('abort', onAbort));
  });
}
