import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent } from 'node:http';
import type { TokenCredentialOptions } from '@azure/identity';
import type { Clock } from '../../src/clock.js';
import { withDeadline } from '../../src/deadline.js';
import type { HttpClient, HttpResponse } from '../../src/net/http-client.js';
import { parseRetryAfter } from '../../src/retry.js';

/** `HttpClient` of @azure/core-rest-pipeline, which both SDKs take as `httpClient`. */
export type PipelineClient = NonNullable<TokenCredentialOptions['httpClient']>;
type PipelineRequest = Parameters<PipelineClient['sendRequest']>[0];
type PipelineResponse = Awaited<ReturnType<PipelineClient['sendRequest']>>;

/** What a login service was asked and how it went; only what is safe to print. */
export interface LoginExchange {
  host: string;
  /** The machine's own identity endpoint, rather than Entra. */
  local: boolean;
  status?: number;
  /** The `AADSTS…` number in a refusal. */
  aadsts?: string;
  requestId?: string;
  retryAfterMs?: number;
  /** The network's error, when no answer came. */
  failure?: unknown;
}

/**
 * Collects the exchanges of one login. @azure/identity folds an outage, a refusal and a missing login into the same
 * error classes, so what happened is taken from the wire. It follows the call, not the client: MSAL keeps the first
 * managed identity client of a process for all later ones.
 */
export const loginExchanges = new AsyncLocalStorage<LoginExchange[]>();

/**
 * Never used: the client below has connections of its own. Without an agent, the SDKs make one for the proxy that
 * HTTPS_PROXY names, whose debug log prints the proxy's password.
 */
export const UNUSED_AGENT = new Agent();

/**
 * The SDKs' way to the network: imsvault's own client, with its timeouts, proxy rules and bounds.
 * @param direct for plain http, which only the machine's own identity endpoints use; they are never behind a proxy
 */
export function toPipelineClient(http: HttpClient, direct: HttpClient, clock: Clock): PipelineClient {
  return {
    async sendRequest(request) {
      const { protocol, host } = new URL(request.url);
      const local = protocol !== 'https:';
      if (local && request.allowInsecureConnection !== true)
        throw new TypeError(`refused to use plain http to ${host}`);
      // The one request that an SDK bounds itself asks whether this machine has an identity endpoint at all.
      const isProbe = request.timeout > 0;
      const record = (exchange: Partial<LoginExchange>) =>
        isProbe ? undefined : loginExchanges.getStore()?.push({ host, local, ...exchange });
      try {
        const response = await send(local ? direct : http, request, clock);
        record(summary(response, clock));
        return toPipelineResponse(request, response);
      } catch (failure) {
        record({ failure });
        throw failure;
      }
    },
  };
}

function send(http: HttpClient, request: PipelineRequest, clock: Clock): Promise<HttpResponse> {
  const { body, method, url } = request;
  if (body !== undefined && body !== null && typeof body !== 'string' && !(body instanceof Uint8Array)) {
    throw new TypeError('this kind of request body is not supported');
  }
  const headers = request.headers.toJSON();
  // The SDK offers gzip because its own client unpacks it; this one does not.
  delete headers['accept-encoding'];
  // The pipeline turns every abort signal into a native one.
  const signal = request.abortSignal as AbortSignal | undefined;
  const ask = (bounded: AbortSignal | undefined) =>
    http.request({
      method,
      url,
      headers,
      signal: bounded,
      ...(body === undefined || body === null ? {} : { body }),
    });
  return request.timeout > 0 ? withDeadline(clock, request.timeout, signal, ask) : ask(signal);
}

function summary({ status, headers, body }: HttpResponse, clock: Clock): Partial<LoginExchange> {
  const aadsts = status >= 400 ? /AADSTS\d{1,9}/.exec(body.toString('utf8'))?.[0] : undefined;
  const requestId = headers['x-ms-request-id'];
  const retryAfterMs = parseRetryAfter(headers['retry-after'], clock.now());
  return {
    status,
    ...(aadsts === undefined ? {} : { aadsts }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function toPipelineResponse(request: PipelineRequest, response: HttpResponse): PipelineResponse {
  return {
    request,
    status: response.status,
    headers: toPipelineHeaders(response.headers),
    bodyAsText: response.body.toString('utf8'),
  };
}

function toPipelineHeaders(values: Record<string, string>): PipelineResponse['headers'] {
  const headers = new Map(Object.entries(values));
  const key = (name: string) => name.toLowerCase();
  return {
    get: (name) => headers.get(key(name)),
    has: (name) => headers.has(key(name)),
    set: (name, value) => void headers.set(key(name), String(value)),
    delete: (name) => void headers.delete(key(name)),
    toJSON: () => Object.fromEntries(headers),
    [Symbol.iterator]: () => headers.entries(),
  };
}
