import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ImsvaultError } from '../../src/errors.js';
import type { HttpClient, HttpResponse } from '../../src/net/http-client.js';
import { isPrivateUrl } from './options.js';

/** What the SDK's clients take as `requestHandler`. */
export type RequestHandler = SecretsManagerClient['config']['requestHandler'];
type SdkRequest = Parameters<RequestHandler['handle']>[0];
type SdkResponse = Awaited<ReturnType<RequestHandler['handle']>>['response'];

/**
 * The SDK's way to the network: imsvault's own HTTP client, with its timeouts, proxy rules and bounds. The clients of
 * STS and IAM Identity Center use it too; the endpoints of EC2 and containers do not, they are never behind a proxy.
 * `destroy` leaves the connections open: several clients share them, and `http` belongs to the provider.
 */
export function createRequestHandler(http: HttpClient, allowPlainHttp: boolean): RequestHandler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(request, options?: { abortSignal?: unknown }) {
      const url = toUrl(request);
      // The options were checked already; an address may also come from AWS_ENDPOINT_URL… or from a profile.
      if (!allowPlainHttp && !isPrivateUrl(url)) throw plainHttp(new URL(url).host);
      const response = await http.request({
        method: request.method,
        url,
        headers: request.headers,
        signal: toNativeSignal(options?.abortSignal),
        ...(request.body === undefined ? {} : { body: toBody(request.body) }),
      });
      return { response: toSdkResponse(response) };
    },
    destroy() {},
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
}

/** The SDK also takes signals of a class of its own; this provider hands it native ones only. */
function toNativeSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new TypeError('this kind of abort signal is not supported');
}

function toUrl({ protocol, hostname, port, path, query = {} }: SdkRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) =>
      one === null ? escapeUri(name) : `${escapeUri(name)}=${escapeUri(one)}`,
    ),
  );
  const authority = port === undefined ? hostname : `${hostname}:${port}`;
  return `${protocol}//${authority}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}

/** RFC 3986 unreserved characters only, as Signature Version 4 counts them. */
function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function toBody(body: unknown): string | Uint8Array {
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new TypeError('this kind of request body is not supported');
}

/** The SDK reads a body of bytes as it does a stream. */
function toSdkResponse({ status, headers, body }: HttpResponse): SdkResponse {
  return { statusCode: status, headers, body };
}

function plainHttp(host: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_MALFORMED', `refused to use plain http to ${host}`, {
    hint: 'Use https:// in AWS_ENDPOINT_URL… and in the AWS profile, or set allowSecretsOverPlainHttp: true, which lets everybody on the way read the secrets.',
  });
}
