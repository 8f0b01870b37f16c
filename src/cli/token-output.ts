import type { AccessToken } from '../access-token.js';
import { accessTokenJson } from '../token/access-token-json.js';

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
      return `${JSON.stringify(accessTokenJson(token, source, now))}\n`;
  }
}
