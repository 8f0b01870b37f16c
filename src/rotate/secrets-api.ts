import * as z from 'zod';
import type { AccessToken } from '../access-token.js';
import type { Clock } from '../clock.js';
import { ImsvaultError, vendorCause } from '../errors.js';
import { parseJson } from '../json.js';
import type { HttpClient, HttpResponse } from '../net/http-client.js';
import { describeNetworkError } from '../net/network-error.js';
import { type Redacted, redact } from '../redacted.js';
import { parseRetryAfter, type RetryPolicy, runWithRetry } from '../retry.js';

/** A client secret as Adobe lists it: without its value. */
export interface ListedSecret {
  uuid: string;
  /** Unix milliseconds; undefined where Adobe's answer makes no sense. */
  createdAt: number | undefined;
  /** Whether Adobe knows of any use. */
  isUsed: boolean;
  /** Unix milliseconds. */
  lastUsedAt: number | undefined;
}

export interface ListedSecrets {
  clientId: string;
  secrets: readonly ListedSecret[];
  /** Adobe's clock, Unix milliseconds, in whole seconds; this machine's where the answer has no Date. */
  serverNow: number;
  /** When the token that asked was issued, Unix milliseconds: getting it was a use of a client secret, too. */
  tokenIssuedAt: number;
}

/**
 * Adobe's API for the client secrets of one credential.
 * Every call throws ERR_ROTATION_REFUSED | ERR_ROTATION_UNAVAILABLE, or `signal.reason`.
 */
export interface SecretsApi {
  list(signal: AbortSignal): Promise<ListedSecrets>;
  /** Makes a secret. Tried once: after an error that is not a refusal it may have been made all the same. */
  add(signal: AbortSignal): Promise<{ uuid: string; clientSecret: Redacted<string> }>;
  /** Deletes exactly this one, for good; one that is not there any more is no error. */
  remove(uuid: string, signal: AbortSignal): Promise<void>;
}

export interface SecretsApiOptions {
  http: HttpClient;
  /** Origin. */
  endpoint: string;
  orgId: string;
  credentialId: string;
  /** A token with the scopes that the API asks for. */
  token: (signal: AbortSignal) => Promise<AccessToken>;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
}

const RETRY: RetryPolicy = { maxAttempts: 3, baseDelayMs: 500, maxDelayMs: 5000, maxRetryAfterMs: 30_000 };

const uuid = z.string().regex(/^[\w-]{1,64}$/);
/** Texts of milliseconds, as Adobe writes them. */
const time = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => {
    const ms = Number(value ?? Number.NaN);
    return Number.isFinite(ms) && ms > 0 ? ms : undefined;
  });
const usages = z.array(z.object({ last_used_at: time })).nullish();
const listed = z.object({
  client_id: z.string(),
  client_secrets: z.array(z.object({ uuid, created_at: time, secret_usages: usages })),
});
const added = z.object({ uuid, client_secret: z.string().min(1).max(4096) });

export function createSecretsApi(options: SecretsApiOptions): SecretsApi {
  const { http, endpoint, orgId, credentialId, token, clock, random } = options;
  const path = `/console/organizations/${encodeURIComponent(orgId)}/credentials/${encodeURIComponent(credentialId)}/secrets`;
  const place = `${endpoint}${path}`;

  async function call(
    method: string,
    below: string,
    signal: AbortSignal,
  ): Promise<HttpResponse & { tokenIssuedAt: number }> {
    const { accessToken, clientId, issuedAt: tokenIssuedAt } = await token(signal);
    const headers = { authorization: `Bearer ${accessToken}`, 'x-api-key': clientId, accept: 'application/json' };
    try {
      return { ...(await http.request({ method, url: `${place}${below}`, headers, signal })), tokenIssuedAt };
    } catch (error) {
      signal.throwIfAborted();
      const fault = describeNetworkError(error);
      throw new ImsvaultError('ERR_ROTATION_UNAVAILABLE', `${place}: ${fault?.message ?? 'the request failed'}`, {
        retryable: fault?.retryable ?? true,
        cause: vendorCause(error),
        hint: fault?.hint,
      });
    }
  }

  function read<T>(schema: z.ZodType<T>, response: HttpResponse): T {
    const parsed = schema.safeParse(parseJson(response.body.toString('utf8')));
    if (parsed.success) return parsed.data;
    throw new ImsvaultError(
      'ERR_ROTATION_REFUSED',
      `${place}: its answer (HTTP ${response.status}) is not one of Adobe's API for client secrets`,
      { hint: 'Check rotation.endpoint and the proxy.' },
    );
  }

  function retrying<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    return runWithRetry(attempt, {
      policy: RETRY,
      clock,
      random,
      signal,
      decide: (error) =>
        error instanceof ImsvaultError && error.code === 'ERR_ROTATION_UNAVAILABLE' && error.retryable
          ? { retry: true, retryAfterMs: error.retryAfterMs }
          : { retry: false },
    });
  }

  return {
    list: (signal) =>
      retrying(signal, async () => {
        const response = await call('GET', '', signal);
        if (response.status !== 200) throw refused(place, 'GET', response, clock.now());
        const { client_id: clientId, client_secrets: secrets } = read(listed, response);
        const serverNow = Date.parse(response.headers.date ?? '');
        return {
          clientId,
          secrets: secrets.map(describe),
          serverNow: Number.isNaN(serverNow) ? clock.now() : serverNow,
          tokenIssuedAt: response.tokenIssuedAt,
        };
      }),
    async add(signal) {
      const response = await call('POST', '', signal);
      if (response.status !== 201 && response.status !== 200) throw refused(place, 'POST', response, clock.now());
      const { uuid, client_secret: clientSecret } = read(added, response);
      return { uuid, clientSecret: redact(clientSecret) };
    },
    remove: (uuid, signal) =>
      retrying(signal, async () => {
        const response = await call('DELETE', `/${encodeURIComponent(uuid)}`, signal);
        const isDone = (response.status >= 200 && response.status < 300) || response.status === 404;
        if (!isDone) throw refused(place, 'DELETE', response, clock.now());
      }),
  };
}

function describe(secret: z.output<typeof listed>['client_secrets'][number]): ListedSecret {
  const uses = secret.secret_usages ?? [];
  const times = uses.flatMap(({ last_used_at: at }) => at ?? []);
  return {
    uuid: secret.uuid,
    createdAt: secret.created_at,
    isUsed: uses.length > 0,
    lastUsedAt: times.length === 0 ? undefined : Math.max(...times),
  };
}

const HINTS: ReadonlyMap<number, string> = new Map([
  [
    401,
    'The token was not accepted: compare rotation.scope with the scopes of the credential in the Developer Console.',
  ],
  [
    403,
    'Add the I/O Management API to the project in the Developer Console, and see that the credential may read and manage client secrets.',
  ],
  [
    404,
    'Check rotation.orgId (the number, not …@AdobeOrg) and rotation.credentialId (not the client id): both stand in the URLs of the Developer Console.',
  ],
]);

function refused(place: string, method: string, response: HttpResponse, now: number): ImsvaultError {
  const { status, headers } = response;
  const code = errorCode(response.body);
  const what = `${place}: ${method} answered ${status}${code === undefined ? '' : ` (error code ${code})`}`;
  const cause = vendorCause(undefined, { status, requestId: headers['x-request-id'] });
  if (status === 408 || status === 429 || status >= 500) {
    return new ImsvaultError('ERR_ROTATION_UNAVAILABLE', what, {
      cause,
      hint: 'Run it again later: it goes on where it stopped.',
      retryAfterMs: parseRetryAfter(headers['retry-after'], now),
    });
  }
  const hint =
    HINTS.get(status) ??
    (method === 'POST'
      ? 'A credential has at most two client secrets: see in the Developer Console whether it has two.'
      : 'Check the rotation block of the config, and the proxy.');
  return new ImsvaultError('ERR_ROTATION_REFUSED', what, { cause, hint });
}

function errorCode(body: Buffer): string | undefined {
  const { error_code: code } = (parseJson(body.toString('utf8')) ?? {}) as { error_code?: unknown };
  return typeof code === 'string' && /^\w{1,20}$/.test(code) ? code : undefined;
}
