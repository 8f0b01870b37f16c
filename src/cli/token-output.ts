import type { AccessToken } from '../access-token.js';

export const TOKEN_OUTPUTS = ['raw', 'json', 'env', 'header'] as const;
export type TokenOutput = (typeof TOKEN_OUTPUTS)[number];

/**
 * @param source where the token came from: the provider's name
 * @param now Unix milliseconds, for `expires_in`
 */
export function formatToken(token: AccessToken, output: TokenOutput, source: string, now: number): string {
  switch (output) {
    case 'raw':
      return `${token.accessToken}\n`;
    case 'env':
      return `export FUSION_ACCESS_TOKEN=${token.accessToken}\n`;
    case 'header':
      return `Authorization: Bearer ${token.accessToken}\n`;
    case 'json':
      return `${JSON.stringify({
        access_token: token.accessToken,
        token_type: token.tokenType,
        expires_at: new Date(token.expiresAt).toISOString(),
        expires_in: Math.max(0, Math.floor((token.expiresAt - now) / 1000)),
        issued_at: new Date(token.issuedAt).toISOString(),
        scope: token.scope.join(','),
        client_id: token.clientId,
        source,
      })}\n`;
  }
}
