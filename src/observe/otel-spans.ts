import type { Attributes, Span, SpanKind, SpanStatusCode, Tracer } from '@opentelemetry/api';
import type { ExchangeTrace, RequestTrace, StoreTrace } from '../channels.js';
import { exchangeAttributes, outcomeAttributes, storeAttributes } from './otel-attributes.js';

// Values of the API's enums, which would have to be loaded for them.
const CLIENT: SpanKind.CLIENT = 2;
const ERROR: SpanStatusCode.ERROR = 2;

/** A span for each request: a child of what is active where it starts. */
export function createSpans(tracer: Tracer) {
  const spans = new WeakMap<RequestTrace, Span>();

  function start(trace: RequestTrace, name: string, attributes: Attributes): void {
    spans.set(trace, tracer.startSpan(name, { kind: CLIENT, attributes }));
  }

  function end(trace: RequestTrace): void {
    const span = spans.get(trace);
    if (span === undefined) return;
    span.setAttributes(outcomeAttributes(trace));
    if (trace.error !== undefined) span.setStatus({ code: ERROR });
    span.end();
  }

  return {
    exchangeStarted(trace: ExchangeTrace) {
      const retry = trace.attempt > 1 ? { 'http.request.resend_count': trace.attempt - 1 } : {};
      start(trace, 'imsvault.exchange', { ...exchangeAttributes(trace), ...retry });
    },
    exchangeEnded: end,
    storeStarted: (trace: StoreTrace) => start(trace, `imsvault.store.${trace.operation}`, storeAttributes(trace)),
    storeEnded: end,
  };
}
