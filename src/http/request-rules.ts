import type { AccessToken } from '../access-token.js';
import { ConfigInvalidError, type ConfigProblem } from '../errors.js';
import { DEFAULT_ALLOWED_ORIGINS, parseAllowedOrigins } from './allowed-origins.js';

/** Where the token goes, and what goes with it. */
export interface TokenRequestOptions {
  /**
   * The origins that get the token: `https://host`, `https://*.example.com` for every host below it, `http://` for
   * loopback hosts. Default `https://*.adobe.io`. A wildcard leaves out hosts that run customers' code (I/O Runtime,
   * API Mesh); they can be named.
   */
  allowedOrigins?: readonly string[];
  /** Sent as `x-gw-ims-org-id`, for example `0123456789ABCDEF@AdobeOrg`. Default: not sent. */
  imsOrgId?: string;
  /** Sent as `x-organization-id`: Workfront Fusion's number of the organization. Default: not sent. */
  organizationId?: string;
  /** Sent as `x-gw-region`, for example `or2`. Default: not sent. */
  gwRegion?: string;
}

/** Options, checked. */
export interface RequestRules {
  /** Whether a URL is at an origin that gets the token. */
  isAllowed(url: URL): boolean;
  /** What is sent with `token`. Names in lower case. */
  headersWith(token: AccessToken): Readonly<Record<string, string>>;
}

const OPTION_HEADERS = {
  imsOrgId: 'x-gw-ims-org-id',
  organizationId: 'x-organization-id',
  gwRegion: 'x-gw-region',
} as const;

/** @throws ERR_CONFIG_INVALID with every problem */
export function createRequestRules(options: TokenRequestOptions): RequestRules {
  const { allowedOrigins = DEFAULT_ALLOWED_ORIGINS, ...others } = options;
  const origins = parseAllowedOrigins(allowedOrigins);
  const problems: ConfigProblem[] = [...origins.problems];
  const optionHeaders: Record<string, string> = {};
  for (const [option, value] of Object.entries(others) as [string, unknown][]) {
    if (value === undefined) continue;
    if (!Object.hasOwn(OPTION_HEADERS, option)) problems.push({ path: option, message: 'there is no such option' });
    else if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
      problems.push({ path: option, message: 'expected a string of visible ASCII characters' });
    } else optionHeaders[OPTION_HEADERS[option as keyof typeof OPTION_HEADERS]] = value;
  }
  if (problems.length > 0) throw new ConfigInvalidError(problems);

  let last: { token: AccessToken; headers: Record<string, string> } | undefined;

  return {
    isAllowed: origins.include,
    headersWith(token) {
      if (last?.token !== token) {
        const authorization = `Bearer ${token.accessToken}`;
        last = { token, headers: { authorization, 'x-api-key': token.clientId, ...optionHeaders } };
      }
      return last.headers;
    },
  };
}
