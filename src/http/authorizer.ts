import type { AccessToken } from '../access-token.js';
import { createRequestRules, type TokenRequestOptions } from './request-rules.js';
import { createTokenSource, type TokenGiver } from './token-source.js';

/** What a request is sent with. */
export interface Authorization {
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Whose headers these are; give it as `rejected` after a 401. */
  token: AccessToken;
}

/** Of one request. */
export interface AuthorizeOptions {
  signal?: AbortSignal | undefined;
  /** The token that the API answered with 401. */
  rejected?: AccessToken | undefined;
}

/**
 * For a client that has hooks of its own, such as axios and got.
 * @returns what to send to a URL; undefined where its origin gets no token, or there is no other than the rejected one
 * @throws ERR_CONFIG_INVALID for options; the function that it returns, as `getToken` of the provider
 */
export function createAuthorizer(
  provider: TokenGiver,
  options: TokenRequestOptions = {},
): (url: string | URL, options?: AuthorizeOptions) => Promise<Authorization | undefined> {
  const source = createTokenSource(provider);
  const rules = createRequestRules(options);
  return async (url, { signal, rejected } = {}) => {
    if (!rules.isAllowed(new URL(url))) return undefined;
    const token = rejected === undefined ? await source.get(signal) : await source.replace(rejected, signal);
    return token === undefined ? undefined : { headers: rules.headersWith(token), token };
  };
}
