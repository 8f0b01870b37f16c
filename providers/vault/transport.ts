import { ImsvaultError } from '../../src/errors.js';
import { parseJson } from '../../src/json.js';
import { isNestedDeeper } from '../../src/nesting.js';
import type { HttpClient, HttpResponse } from '../../src/net/http-client.js';

/** What the server said, whatever the status. */
export interface VaultAnswer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** The parsed JSON; undefined where the body is empty or no JSON. */
  body: unknown;
}

/** What node-vault hands to its HTTP client; the last two come from the call's own request options. */
interface NodeVaultRequest {
  method: string;
  uri: string;
  headers: Record<string, string>;
  json?: unknown;
  signal?: AbortSignal;
  onAnswer: (answer: VaultAnswer) => void;
}

/**
 * Takes the place of axios inside node-vault (its option `request-promise`): axios there follows redirects with the
 * token, waits for ever, cannot be aborted, and knows no other proxy and CA settings than its own.
 * @param http asked for at each request
 */
export function createTransport(http: () => Promise<HttpClient>) {
  return {
    defaults: () => async (options: NodeVaultRequest) => {
      const response = await send(await http(), options);
      const answer = { status: response.status, headers: response.headers, body: parseBody(response.body) };
      options.onAnswer(answer);
      return { statusCode: answer.status, body: answer.body, request: { path: new URL(options.uri).pathname } };
    },
  };
}

async function send(http: HttpClient, { method, uri, headers, json, signal }: NodeVaultRequest): Promise<HttpResponse> {
  const hasBody = typeof json === 'object' && json !== null;
  const request = {
    method,
    headers: {
      ...headers,
      // Servers and agents may demand it: no form of a browser can send it.
      'X-Vault-Request': 'true',
      ...(hasBody ? { 'Content-Type': 'application/json' } : {}),
    },
    ...(hasBody ? { body: JSON.stringify(json) } : {}),
    signal,
  };
  const first = await http.request({ ...request, url: uri });
  if (!isRedirect(first)) return first;
  // 307 and 308 alone keep method and body (RFC 9110 §15.4). A standby without request forwarding answers 307.
  const target = redirectTarget(first, uri);
  const sameOrigin = target?.origin === new URL(uri).origin;
  if (target === undefined || !sameOrigin || (first.status !== 307 && first.status !== 308)) {
    throw redirectRefused(uri, target, sameOrigin);
  }
  const second = await http.request({ ...request, url: target.href });
  if (isRedirect(second)) throw redirectRefused(uri, redirectTarget(second, target.href), true);
  return second;
}

const isRedirect = ({ status }: HttpResponse) => status >= 300 && status < 400;

function redirectTarget(response: HttpResponse, base: string): URL | undefined {
  const location = response.headers.location;
  return location !== undefined && URL.canParse(location, base) ? new URL(location, base) : undefined;
}

function redirectRefused(uri: string, target: URL | undefined, sameOrigin: boolean): ImsvaultError {
  const to = target === undefined ? 'nowhere' : sameOrigin ? 'another path' : target.origin;
  return new ImsvaultError(
    'ERR_SECRET_UNAVAILABLE',
    `${new URL(uri).host}: redirected to ${to}, which is not followed: the login would go there too`,
    {
      retryable: false,
      hint: sameOrigin
        ? 'Check the address: it must be the base of the API, without /v1.'
        : "If that is your cluster's active node, set address to it or to a load balancer before it; or let the standbys forward requests.",
    },
  );
}

/** A secret is an object of texts, four levels below the answer. */
const MAX_DEPTH = 100;

/** A proxy's page is HTML. What is nested too deeply could not be handed on. */
function parseBody(body: Buffer): unknown {
  const value = parseJson(body.toString('utf8'));
  return isNestedDeeper(value, MAX_DEPTH) ? undefined : value;
}
