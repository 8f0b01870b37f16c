import { AccessToken } from '../access-token.js';
import { type ExchangeTrace, exchangeChannel, traced } from '../channels.js';
import type { Clock } from '../clock.js';
import { DeadlineExceeded, withDeadline } from '../deadline.js';
import { ConfigInvalidError, ImsvaultError, vendorCause } from '../errors.js';
import { type HttpClient, type HttpResponse, ResponseTooLarge } from '../net/http-client.js';
import { describeNetworkError } from '../net/network-error.js';
import { reveal } from '../redacted.js';
import { type RetryPolicy, runWithRetry } from '../retry.js';
import type { Credential } from '../secret/credential.js';
import { createScrub } from './scrub.js';
import { DEFAULT_SCOPE, tokenRequestBody } from './token-request.js';
import { parseTokenResponse } from './token-response.js';

/** An IMS answer is under 4 KiB; anything near this is not one. */
export const MAX_TOKEN_RESPONSE_BYTES = 64 * 1024;

export const DEFAULT_EXCHANGE_RETRY: RetryPolicy = {
  maxAttempts: 4,
  baseDelayMs: 500,
  maxDelayMs: 10_000,
  // Adobe's APIs have sent up to 3,244 s; nobody waits that long inside a call.
  maxRetryAfterMs: 30_000,
};

export interface ExchangerOptions {
  tokenEndpoint: string;
  http: HttpClient;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** Upper bound of one exchange with all its retries, in milliseconds. */
  timeoutMs: number;
  retry?: RetryPolicy;
  /** Replaces the scopes that the secret names. */
  scope?: readonly string[] | undefined;
  /** Replaces the organisation that the secret names. */
  orgId?: string | undefined;
  /** The only client whose credentials are exchanged. */
  clientId?: string | undefined;
  /** What gave `clientId`: a file with its line, a flag, a variable. */
  clientIdSource?: string | undefined;
  warn: (message: string) => void;
}

/** A token, and how far IMS's clock is from this machine's. */
export interface Exchanged {
  token: AccessToken;
  /** IMS's clock less this machine's, in milliseconds; 0 where they agree within 2 s, or IMS does not tell. */
  clockOffsetMs: number;
}

/** The Date header has whole seconds, and its answer was under way. */
const CLOCK_TOLERANCE_MS = 2000;

/** Speaks to one IMS token endpoint. */
export interface Exchanger {
  /**
   * Exchanges a credential for an access token.
   * @param provider where the credential came from, for messages
   * @throws ERR_CONFIG_INVALID, before any request, for a credential of another client than the one that is fixed;
   *   ERR_TOKEN_REQUEST_REJECTED | ERR_TOKEN_ENDPOINT_UNAVAILABLE | ERR_TOKEN_RESPONSE_INVALID, or `signal.reason`
   */
  exchange(credential: Credential, signal?: AbortSignal, provider?: string): Promise<Exchanged>;
  /** Opens the connection while the secret is still being read; never fails. */
  connectAhead(): void;
}

export function createExchanger(options: ExchangerOptions): Exchanger {
  const { tokenEndpoint, http, clock, random, timeoutMs, retry = DEFAULT_EXCHANGE_RETRY, warn } = options;

  function tracedRequest(credential: Credential, signal: AbortSignal, attempt: number): Promise<Exchanged> {
    const describe = (): ExchangeTrace => ({ ...serverOf(tokenEndpoint), attempt });
    return traced(exchangeChannel, clock, describe, (trace) => requestToken(credential, signal, trace));
  }

  async function requestToken(
    credential: Credential,
    signal: AbortSignal,
    trace: ExchangeTrace | undefined,
  ): Promise<Exchanged> {
    const [clientSecret] = credential.clientSecrets;
    const scope = options.scope ?? credential.scope ?? DEFAULT_SCOPE;
    const orgId = options.orgId ?? credential.orgId;
    const body = tokenRequestBody({ clientId: credential.clientId, clientSecret, scope, orgId });
    // The clock before the request: whatever it takes can only make the token look older than it is.
    const [sentAt, monotonicAt] = [clock.now(), clock.monotonic()];
    const response = await send(body, signal);
    // A wall clock that was set back meanwhile would make it look younger.
    const issuedAt = Math.min(sentAt, Math.floor(clock.now() - (clock.monotonic() - monotonicAt)));
    if (trace !== undefined) trace.status = response.status;
    const token = parseTokenResponse(response, {
      endpoint: tokenEndpoint,
      now: clock.now(),
      scrub: createScrub(reveal(clientSecret)),
    });
    for (const warning of token.warnings) warn(`${tokenEndpoint}: ${warning}`);
    const offset = Date.parse(response.headers.date ?? '') - clock.now();
    const accessToken = new AccessToken({
      accessToken: token.accessToken,
      tokenType: token.tokenType,
      issuedAt,
      expiresAt: issuedAt + token.expiresInSeconds * 1000,
      scope: token.scope ?? scope,
      clientId: credential.clientId,
    });
    return { token: accessToken, clockOffsetMs: Math.abs(offset) > CLOCK_TOLERANCE_MS ? offset : 0 };
  }

  async function send(body: string, signal: AbortSignal): Promise<HttpResponse> {
    try {
      return await http.request({
        method: 'POST',
        url: tokenEndpoint,
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body,
        signal,
      });
    } catch (error) {
      throw unreachable(tokenEndpoint, error);
    }
  }

  return {
    async exchange(credential, signal, provider) {
      if (options.clientId !== undefined && options.clientId !== credential.clientId) {
        throw otherClient(credential.clientId, provider, options.clientId, options.clientIdSource);
      }
      const endsAt = clock.monotonic() + timeoutMs;
      let lastFailure: ImsvaultError | undefined;
      try {
        return await withDeadline(clock, timeoutMs, signal, (bounded) =>
          runWithRetry((attempt) => tracedRequest(credential, bounded, attempt), {
            policy: retry,
            clock,
            random,
            signal: bounded,
            remainingMs: () => endsAt - clock.monotonic(),
            decide: (error) =>
              error instanceof ImsvaultError && error.retryable
                ? { retry: true, retryAfterMs: error.retryAfterMs }
                : { retry: false },
            onRetry: (error, delayMs, capped) => {
              lastFailure = error as ImsvaultError;
              if (capped) warn(`${tokenEndpoint} asked to wait longer than allowed; waiting ${Math.round(delayMs)} ms`);
            },
          }),
        );
      } catch (error) {
        if (error instanceof DeadlineExceeded) throw unreachable(tokenEndpoint, error, lastFailure);
        throw error;
      }
    },
    connectAhead() {
      http.connectAhead(tokenEndpoint).catch(() => undefined);
    },
  };
}

/** Published under the identity of the client that is fixed, its token would be taken for that client's. */
function otherClient(found: string, provider: string | undefined, wanted: string, source: string | undefined) {
  const credential = provider === undefined ? 'the credential' : `the credential of provider ${provider}`;
  const message = `is ${wanted}, but ${credential} is of client ${found}`;
  return new ConfigInvalidError([{ path: 'ims.clientId', message, ...(source === undefined ? {} : { source }) }], {
    hint: 'Correct ims.clientId or the credential; without ims.clientId, a credential of any client is used.',
  });
}

function serverOf(endpoint: string): Pick<ExchangeTrace, 'serverAddress' | 'serverPort'> {
  const { hostname, port, protocol } = new URL(endpoint);
  return { serverAddress: hostname, serverPort: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}

function unreachable(endpoint: string, error: unknown, lastFailure?: ImsvaultError): ImsvaultError {
  if (error instanceof ResponseTooLarge) {
    return new ImsvaultError('ERR_TOKEN_RESPONSE_INVALID', `${endpoint}: ${error.message}`, {
      hint: 'Check ims.tokenEndpoint and the proxy.',
    });
  }
  const fault = describeNetworkError(error);
  const message = fault?.message ?? 'the request failed';
  return new ImsvaultError(
    'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
    `${endpoint}: ${message}${lastFailure === undefined ? '' : `; before that: ${lastFailure.message}`}`,
    {
      retryable: fault?.retryable,
      cause: vendorCause(error),
      hint: fault?.hint,
    },
  );
}
