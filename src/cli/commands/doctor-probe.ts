import type { AccessToken } from '../../access-token.js';
import { type ErrorCode, ImsvaultError, vendorCause } from '../../errors.js';
import type { HttpClient } from '../../net/http-client.js';
import { describeNetworkError } from '../../net/network-error.js';
import type { Finding } from '../checkup.js';

export interface ProbeOptions {
  /** Base URL of the Fusion API. */
  probeUrl: string;
  organizationId?: string;
  gwRegion?: string;
}

/** Adobe's gateway codes. Source: AdobeDocs/workfront-fusion-apis; seen in its answers. */
const GATEWAY_HINTS: Readonly<Record<string, string>> = {
  '400003': 'The gateway misses a header; give --organization-id and --gw-region.',
  '401013': 'The gateway does not take the token: the token endpoint and the API must belong to the same environment.',
  '403000': 'The gateway misses the API key.',
  '403003': "The client id is not subscribed to this API; add it to the project in Adobe's Developer Console.",
};

/**
 * One read at Workfront Fusion's API with the token.
 * @throws ERR_TOKEN_REQUEST_REJECTED where the gateway refuses, ERR_TOKEN_ENDPOINT_UNAVAILABLE where it does not answer
 */
export async function probeFusion(
  token: AccessToken,
  options: ProbeOptions,
  http: HttpClient,
  signal: AbortSignal,
): Promise<Finding> {
  const url = `${options.probeUrl.replace(/\/+$/, '')}/api/v3/scenarios?limit=1&orderby=%2Bid`;
  const { host } = new URL(url);
  const response = await http
    .request({
      method: 'GET',
      url,
      headers: {
        authorization: `Bearer ${token.accessToken}`,
        'x-api-key': token.clientId,
        accept: 'application/json',
        ...(options.organizationId === undefined ? {} : { 'x-organization-id': options.organizationId }),
        ...(options.gwRegion === undefined ? {} : { 'x-gw-region': options.gwRegion }),
      },
      signal,
    })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      const fault = describeNetworkError(error);
      throw refused(
        'ERR_TOKEN_ENDPOINT_UNAVAILABLE',
        `${host}: ${fault?.message ?? 'the request failed'}`,
        fault?.hint,
        error,
      );
    });
  const { status } = response;
  if (status === 200) return { detail: `${host} answered 200: the token works` };
  const code = gatewayCode(response.body);
  const what = `${host} answered ${status}${code === undefined ? '' : `, code ${code}`}`;
  const hint = code === undefined ? undefined : GATEWAY_HINTS[code];
  if (status === 403 && hint === undefined) {
    return {
      detail: `${what}: the token is taken, but this technical account may see no scenarios; add it to a team in Fusion`,
      warning: true,
    };
  }
  if (status >= 500 || status === 429) throw refused('ERR_TOKEN_ENDPOINT_UNAVAILABLE', what);
  throw refused('ERR_TOKEN_REQUEST_REJECTED', what, hint);
}

function gatewayCode(body: Buffer): string | undefined {
  try {
    const { error_code: code } = JSON.parse(body.toString('utf8')) as { error_code?: unknown };
    return /^\d{3,8}$/.test(String(code)) ? String(code) : undefined;
  } catch {
    return undefined;
  }
}

function refused(code: ErrorCode, message: string, hint?: string, cause?: unknown): ImsvaultError {
  return new ImsvaultError(code, message, {
    hint,
    cause: cause === undefined ? undefined : vendorCause(cause),
  });
}
