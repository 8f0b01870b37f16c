import { type Channel, channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import type { Clock } from './clock.js';
import { ImsvaultError, type VendorCause, vendorCause } from './errors.js';

/** What every traced request tells. Never a secret, a token, or what a request answered. */
export interface RequestTrace {
  /** From the start, in milliseconds; known at the end. */
  durationMs?: number;
  /** Of a request that failed; of an error that is not imsvault's the name and code alone. */
  error?: ImsvaultError | VendorCause;
}

/** One request for a token to IMS; a retry is another one. */
export interface ExchangeTrace extends RequestTrace {
  readonly serverAddress: string;
  readonly serverPort: number;
  /** 1 for the first try of an exchange. */
  readonly attempt: number;
  /** HTTP status of the answer; absent where there was none. */
  status?: number;
}

/** What a provider was asked: its method, `readSecret` as `read` and so on. */
export type StoreOperation = 'read' | 'read-others' | 'replace' | 'put' | 'annotate' | 'enter' | 'list' | 'login';

/** One call to a secret store's provider. */
export interface StoreTrace extends RequestTrace {
  /** The name that the config uses: `vault`. */
  readonly provider: string;
  readonly operation: StoreOperation;
}

/** Each message is a `TokenEvent`. */
export const tokenChannel: Channel = channel('imsvault:token');
/** Each message is an {@link ExchangeTrace}. */
export const exchangeChannel = tracingChannel<unknown, ExchangeTrace>('imsvault:exchange');
/** Each message is a {@link StoreTrace}. */
export const storeChannel = tracingChannel<unknown, StoreTrace>('imsvault:store');

/**
 * Runs `work`, and tells the channel's subscribers of its start and end. Where nobody subscribes it only runs.
 * @param describe makes the message; called for subscribers alone
 * @param work gets the message, to add what it learns
 */
export async function traced<T, Trace extends RequestTrace & object>(
  tracing: TracingChannel<unknown, Trace>,
  clock: Clock,
  describe: () => Trace,
  work: (trace?: Trace) => Promise<T>,
): Promise<T> {
  if (!tracing.hasSubscribers) return work();
  const trace = describe();
  const startedAt = clock.monotonic();
  let running: Promise<T> | undefined;
  // Node puts what the traced function gives or throws into the message: it gives nothing, and throws what is safe.
  await tracing
    .tracePromise(async () => {
      running = (async () => work(trace))();
      try {
        await running;
      } catch (error) {
        throw error instanceof ImsvaultError ? error : vendorCause(error);
      } finally {
        trace.durationMs = clock.monotonic() - startedAt;
      }
    }, trace)
    .catch(() => undefined);
  return running as Promise<T>;
}
