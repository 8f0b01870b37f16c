import { ConfigInvalidError } from '../errors.js';
import { parseStringList } from '../string-list.js';
import type { TokenGiver } from './token-source.js';

/** What Azure's clients take as a `TokenCredential`; the shape is that of `@azure/core-auth`. */
export interface TokenCredential {
  /**
   * @param scopes must be among those that the provider's token is for; an empty list takes what there is
   * @throws ERR_CONFIG_INVALID for another scope: the token would go to an API that it is not for. Else as `getToken`
   *   of the provider
   */
  getToken(scopes: string | string[], options?: { abortSignal?: AbortSignal }): Promise<CredentialToken>;
}

/** The token in the shape of `@azure/core-auth`. */
export interface CredentialToken {
  token: string;
  /** Unix milliseconds. */
  expiresOnTimestamp: number;
  /** From here on the client should ask again, which the provider answers from memory. Unix milliseconds. */
  refreshAfterTimestamp: number;
  tokenType: 'Bearer';
}

/** By then the provider has renewed the token in the background, by default. */
const REFRESH_AFTER_FRACTION = 0.9;

/** For clients of Azure's shape: a credential whose tokens are the provider's. Loads nothing of Azure. */
export function createTokenCredential(provider: TokenGiver): TokenCredential {
  return {
    async getToken(scopes, { abortSignal } = {}) {
      const wanted = (Array.isArray(scopes) ? scopes : [scopes]).flatMap((scope) => parseStringList(scope) ?? []);
      const token = await provider.getToken(abortSignal === undefined ? {} : { signal: abortSignal });
      const foreign = wanted.filter((scope) => !token.scope.includes(scope));
      if (foreign.length > 0) {
        const message = `the token is for ${token.scope.join(', ')}, not for ${foreign.join(', ')}`;
        throw new ConfigInvalidError([{ path: 'scopes', message }]);
      }
      return {
        token: token.accessToken,
        expiresOnTimestamp: token.expiresAt,
        refreshAfterTimestamp: token.issuedAt + Math.round(REFRESH_AFTER_FRACTION * (token.expiresAt - token.issuedAt)),
        tokenType: 'Bearer',
      };
    },
  };
}
