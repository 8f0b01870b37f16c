/**
 * Spans and metrics: docs/observability.md.
 * @module imsvault/otel
 */
import type { Channel } from 'node:diagnostics_channel';
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { exchangeChannel, storeChannel, tokenChannel } from '../channels.js';
import { vendorCause } from '../errors.js';
import { guarded, warningsTo } from '../listener.js';
import { VERSION } from '../version.js';
import { createMetrics } from './otel-metrics.js';
import { createSpans } from './otel-spans.js';

/** Which providers of OpenTelemetry are used. */
export interface OpenTelemetryOptions {
  /** Default: the global one, also where it is set later. */
  tracerProvider?: TracerProvider;
  /** Default: the one that is global at the call. */
  meterProvider?: MeterProvider;
  /**
   * Told where nothing is registered, and of the first fault of an SDK. What it throws, or rejects with, is dropped.
   * Default: `process.emitWarning`.
   */
  onWarning?: (message: string) => void;
}

/** What was registered. */
export interface OpenTelemetryRegistration {
  /** False where `@opentelemetry/api` is missing or too old. */
  readonly active: boolean;
  /** Ends it; instruments that were made stay. */
  unregister(): void;
}

/**
 * Makes spans and metrics of all that imsvault does in this process, from now on: see docs/observability.md. Call it once,
 * after the SDK has been started. Never fails: an SDK's fault, or its absence, costs what is seen and nothing else.
 */
export async function registerOpenTelemetry(options: OpenTelemetryOptions = {}): Promise<OpenTelemetryRegistration> {
  const warn = warningsTo(options.onWarning);
  try {
    const subscriptions = subscribersFor(await import('@opentelemetry/api'), options, warn);
    for (const [of, handle] of subscriptions) of.subscribe(handle);
    return {
      active: true,
      unregister() {
        for (const [of, handle] of subscriptions) of.unsubscribe(handle);
      },
    };
  } catch (error) {
    const reason = vendorCause(error);
    warn(`no OpenTelemetry: ${reason.code ?? reason.name}; it needs @opentelemetry/api 1.9 or newer`);
    return { active: false, unregister: () => undefined };
  }
}

type Api = Pick<typeof import('@opentelemetry/api'), 'metrics' | 'trace'>;

function subscribersFor(
  api: Api,
  { tracerProvider = api.trace, meterProvider = api.metrics }: OpenTelemetryOptions,
  warn: (message: string) => void,
): [Channel, (message: unknown) => void][] {
  const spans = createSpans(tracerProvider.getTracer('imsvault', VERSION));
  const metrics = createMetrics(meterProvider.getMeter('imsvault', VERSION));
  let warned = false;

  function failed(): void {
    if (!warned) warn('OpenTelemetry failed on a span or a metric; its error is dropped');
    warned = true;
  }

  /** What a subscriber throws would end the process. */
  const handling = <Message>(handle: (message: Message) => void) =>
    guarded((message: unknown) => handle(message as Message), failed);

  return [
    [tokenChannel, handling(metrics.event)],
    [exchangeChannel.start, handling(spans.exchangeStarted)],
    [exchangeChannel.asyncEnd, handling(spans.exchangeEnded)],
    [exchangeChannel.asyncEnd, handling(metrics.exchangeEnded)],
    [storeChannel.start, handling(spans.storeStarted)],
    [storeChannel.asyncEnd, handling(spans.storeEnded)],
    [storeChannel.asyncEnd, handling(metrics.storeEnded)],
  ];
}
