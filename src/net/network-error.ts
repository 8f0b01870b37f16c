import { DeadlineExceeded } from '../deadline.js';
import { ResponseTooLarge } from './http-client.js';
import { ProxyUnreachable } from './proxy-tunnel.js';

export interface NetworkFault {
  /** What happened, to stand after "vault.example.com: ". */
  message: string;
  hint?: string;
  /** Whether it may pass by itself. */
  retryable: boolean;
}

const URL_HINT = 'Check the address and the proxy (HTTPS_PROXY).';

/** A map, because a code may be any text: "constructor" is no key of it. */
const FAULTS: ReadonlyMap<string, NetworkFault> = new Map(
  Object.entries<NetworkFault>({
    ENOTFOUND: {
      message: 'its name cannot be resolved',
      hint: 'Check the spelling and the DNS of this machine.',
      retryable: true,
    },
    EAI_AGAIN: {
      message: 'its name cannot be resolved right now',
      hint: 'The DNS server did not answer; check the DNS of this machine.',
      retryable: true,
    },
    ECONNREFUSED: {
      message: 'the connection was refused',
      hint: 'Nothing listens at that port; check the address and that the server runs.',
      retryable: true,
    },
    EHOSTUNREACH: {
      message: 'there is no route to the host',
      hint: 'Check the network and the proxy.',
      retryable: true,
    },
    ENETUNREACH: {
      message: 'there is no route to the network',
      hint: 'Check the network and the proxy.',
      retryable: true,
    },
    ECONNRESET: { message: 'the connection was reset', retryable: true },
    EPIPE: { message: 'the connection was closed', retryable: true },
    ETIMEDOUT: { message: 'the connection timed out', hint: 'Check the network, firewall and proxy.', retryable: true },
    UND_ERR_CONNECT_TIMEOUT: {
      message: 'no connection within the connect timeout',
      hint: 'Check the network, firewall and proxy (HTTPS_PROXY).',
      retryable: true,
    },
    UND_ERR_HEADERS_TIMEOUT: { message: 'no answer within the headers timeout', retryable: true },
    UND_ERR_BODY_TIMEOUT: { message: 'the answer stopped in the middle', retryable: true },
    UND_ERR_SOCKET: { message: 'the connection was closed in the middle', retryable: true },
    UND_ERR_ABORTED: {
      message: 'the proxy refused to connect',
      hint: 'Check HTTPS_PROXY and whether the proxy allows this host.',
      retryable: true,
    },
    UND_ERR_PRX_TLS: {
      message: "the proxy's TLS certificate is for another name",
      hint: 'Check the host in HTTPS_PROXY.',
      retryable: false,
    },
    UND_ERR_DESTROYED: { message: 'the client was closed meanwhile', retryable: false },
    UND_ERR_CLOSED: { message: 'the client was closed meanwhile', retryable: false },
    UND_ERR_INVALID_ARG: { message: 'the request is not valid', hint: URL_HINT, retryable: false },
    ERR_INVALID_URL: { message: 'a URL is not valid', hint: URL_HINT, retryable: false },
  }),
);

const TLS_CODE =
  /^(CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA$|INVALID_PURPOSE$|EPROTO$)/;

const TLS_MESSAGES: ReadonlyMap<string, string> = new Map([
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its TLS certificate is for another name'],
  ['CERT_HAS_EXPIRED', 'its TLS certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its TLS certificate is not valid yet'],
]);

const TLS_HINTS: readonly (readonly [RegExp, string])[] = [
  [/ALTNAME_INVALID/, 'Check the address: its host must be a name that the certificate carries.'],
  [/HAS_EXPIRED|NOT_YET_VALID/, 'Its owner must renew it, unless the clock of this machine is wrong.'],
  [
    /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|CERT_)/,
    'If a private authority signed it, name its file in the caFile option or in NODE_EXTRA_CA_CERTS.',
  ],
  [/ALERT/, 'The server refused: it may want a client certificate, or another one.'],
  [/^EPROTO$|WRONG_VERSION|PACKET_LENGTH/, 'Check that this port speaks https.'],
];

/** The first code on an error or on what caused it; vendors wrap Node's errors in their own. */
function codeOf(error: unknown): string | undefined {
  for (let current = error, depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    const { name, code, cause, errors } = current as {
      name?: unknown;
      code?: unknown;
      cause?: unknown;
      errors?: unknown[];
    };
    // undici's parser leaves the code out for some answers.
    if (name === 'HTTPParserError') return 'HPE_INVALID';
    if (typeof code === 'string' && code !== 'UND_ERR') return code;
    current = cause ?? errors?.[0];
  }
  return undefined;
}

function proxyOf(error: unknown): ProxyUnreachable | undefined {
  for (let current = error, depth = 0; depth < 5 && current instanceof Error; depth++) {
    if (current instanceof ProxyUnreachable) return current;
    current = current.cause;
  }
  return undefined;
}

/** Says in words what a failed request met; undefined where `error` is not about the network. */
export function describeNetworkError(error: unknown): NetworkFault | undefined {
  if (error instanceof DeadlineExceeded) {
    return { message: `no answer within ${error.timeoutMs} ms`, retryable: true };
  }
  if (error instanceof ResponseTooLarge) return { message: error.message, retryable: false };
  const proxy = proxyOf(error);
  if (proxy !== undefined) {
    const fault = describeNetworkError(proxy.cause);
    const what =
      codeOf(proxy.cause) === 'ECONNREFUSED'
        ? ' refused the connection'
        : `: ${fault?.message ?? 'the connection failed'}`;
    return {
      message: `the proxy ${proxy.proxy}${what}`,
      hint: 'Check HTTPS_PROXY.',
      retryable: fault?.retryable ?? true,
    };
  }
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const known = FAULTS.get(code);
  if (known !== undefined) return known;
  if (TLS_CODE.test(code)) {
    const hint = TLS_HINTS.find(([codes]) => codes.test(code))?.[1];
    const message = TLS_MESSAGES.get(code) ?? `TLS failed (${code})`;
    return { message, ...(hint === undefined ? {} : { hint }), retryable: false };
  }
  if (code.startsWith('UND_ERR_') || code.startsWith('HPE_')) {
    return { message: `the answer is not proper HTTP (${code})`, retryable: true };
  }
  return undefined;
}
