import type { Attributes } from '@opentelemetry/api';
import type { ExchangeTrace, RequestTrace, StoreTrace } from '../channels.js';

/** OpenTelemetry's semantic conventions for HTTP clients, where they have a name for it; else `imsvault.…`. */
export function exchangeAttributes({ serverAddress, serverPort }: ExchangeTrace): Attributes {
  return { 'http.request.method': 'POST', 'server.address': serverAddress, 'server.port': serverPort };
}

export function storeAttributes({ provider, operation }: StoreTrace): Attributes {
  return { 'imsvault.store.provider': provider, 'imsvault.store.operation': operation };
}

/** What is known at a request's end only. */
export function outcomeAttributes({ error, status }: RequestTrace & { status?: number }): Attributes {
  return {
    ...(status === undefined ? {} : { 'http.response.status_code': status }),
    ...(error === undefined ? {} : { 'error.type': error.code ?? error.name }),
  };
}
