import type { Attributes, Histogram, Meter } from '@opentelemetry/api';
import type { ExchangeTrace, RequestTrace, StoreTrace } from '../channels.js';
import type { TokenEvent } from '../token/token-events.js';
import { exchangeAttributes, outcomeAttributes, storeAttributes } from './otel-attributes.js';

/** Seconds. Source: OpenTelemetry's semantic conventions, `http.client.request.duration`. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

export function createMetrics(meter: Meter) {
  const seconds = (description: string) => ({
    description,
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  const requests = meter.createHistogram('http.client.request.duration', seconds('Requests for a token to IMS.'));
  const calls = meter.createHistogram('imsvault.store.duration', seconds('Calls to secret stores.'));
  const expiry = meter.createGauge('imsvault.token.expiry_timestamp', {
    description: 'When the token held expires, Unix seconds.',
    unit: 's',
  });
  const renewals = meter.createCounter('imsvault.token.renewals', {
    description: 'New tokens, and renewals that failed: those have error.type.',
    unit: '{renewal}',
  });
  const events = meter.createCounter('imsvault.token.events', {
    description: 'Exchanges, and what happened at the token store.',
    unit: '{event}',
  });

  return {
    event(event: TokenEvent) {
      switch (event.type) {
        case 'renewed':
          expiry.record(event.expiresAt / 1000, { 'imsvault.client_id': event.clientId });
          renewals.add(1, { 'imsvault.source': event.source });
          break;
        case 'renewal-failed':
          renewals.add(1, { 'error.type': event.code });
          break;
        default:
          events.add(1, { 'imsvault.event': event.type });
      }
    },
    exchangeEnded(trace: ExchangeTrace) {
      record(requests, trace, exchangeAttributes(trace));
    },
    storeEnded(trace: StoreTrace) {
      record(calls, trace, storeAttributes(trace));
    },
  };
}

function record(histogram: Histogram, trace: RequestTrace, attributes: Attributes): void {
  histogram.record((trace.durationMs ?? 0) / 1000, { ...attributes, ...outcomeAttributes(trace) });
}
