import type { AccessToken } from '../access-token.js';
import { ConfigInvalidError } from '../errors.js';

/** Forms that need nothing but the token. */
export const TOKEN_OUTPUTS = ['raw', 'json', 'env', 'header', 'k8s', 'azure'] as const;
/** `git` is an answer to a question that was read and judged before. */
export type TokenOutput = (typeof TOKEN_OUTPUTS)[number] | 'git';

/**
 * @param source where the token came from: the provider's name
 * @param now Unix milliseconds, for `expires_in`
 * @param env where kubectl says which version it wants
 * @throws ERR_CONFIG_INVALID when kubectl wants a version that is not known here
 */
export function formatToken(
  token: AccessToken,
  output: TokenOutput,
  source: string,
  now: number,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const { accessToken, tokenType, expiresAt, issuedAt, scope, clientId } = token;
  switch (output) {
    case 'raw':
      return `${accessToken}\n`;
    case 'env':
      return `export FUSION_ACCESS_TOKEN=${accessToken}\n`;
    case 'header':
      return `Authorization: Bearer ${accessToken}\n`;
    case 'json':
      return `${JSON.stringify({
        access_token: accessToken,
        token_type: tokenType,
        expires_at: new Date(expiresAt).toISOString(),
        expires_in: Math.max(0, Math.floor((expiresAt - now) / 1000)),
        issued_at: new Date(issuedAt).toISOString(),
        scope: scope.join(','),
        client_id: clientId,
        source,
      })}\n`;
    case 'k8s':
      return `${JSON.stringify({
        apiVersion: execCredentialVersion(env.KUBERNETES_EXEC_INFO),
        kind: 'ExecCredential',
        status: { token: accessToken, expirationTimestamp: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, 'Z') },
      })}\n`;
    case 'azure':
      return `${JSON.stringify({
        accessToken,
        expiresOn: localTime(expiresAt),
        expires_on: Math.floor(expiresAt / 1000),
        tokenType: 'Bearer',
      })}\n`;
    case 'git':
      // gitcredentials(7), git-credential(1).
      return `username=${clientId}\npassword=${accessToken}\npassword_expiry_utc=${Math.floor(expiresAt / 1000)}\n`;
  }
}

const EXEC_API = 'client.authentication.k8s.io/';

/** kubectl refuses an answer in another version than that of its question. */
function execCredentialVersion(info: string | undefined): string {
  if (info === undefined || info === '') return `${EXEC_API}v1`;
  let wanted: unknown;
  try {
    wanted = (JSON.parse(info) as { apiVersion?: unknown } | null)?.apiVersion;
  } catch {
    // Said below.
  }
  if (wanted === `${EXEC_API}v1` || wanted === `${EXEC_API}v1beta1`) return wanted;
  throw new ConfigInvalidError([
    { path: 'KUBERNETES_EXEC_INFO', message: `must ask for ${EXEC_API}v1 or ${EXEC_API}v1beta1` },
  ]);
}

/** As `az account get-access-token` has it: this machine's time zone, microseconds, and no mark of either. */
function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}000`;
}
