import { reveal } from '../../src/redacted.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { readSecretFile } from '../../src/secret/secret-file.js';
import { orLeaveOutV1 } from './address.js';
import { answerError, isUnserved, unavailable } from './answer-error.js';
import type { VaultClient } from './client.js';
import type { VaultConnection } from './connection.js';
import { type Grant, grantOf } from './grant.js';
import { SERVICE_ACCOUNT_TOKEN, type VaultAuth, type VaultAuthOf } from './options.js';
import { encodePath } from './paths.js';
import { createSecretIdSource } from './secret-id.js';
import type { VaultSettings } from './settings.js';
import { createTokenLogin } from './token-login.js';

export interface Login {
  /** How, for a person: `approle at auth/approle`. */
  readonly name: string;
  /** Whether each login makes a new token. */
  readonly makesTokens: boolean;
  /** @throws ERR_SECRET_ACCESS_DENIED when it is refused, ERR_SECRET_UNAVAILABLE, or what reading its files throws */
  logIn(signal: AbortSignal | undefined): Promise<Grant>;
}

export interface LoginParts {
  settings: VaultSettings;
  client: VaultClient;
  connection: VaultConnection;
  context: ProviderContext;
}

export function createLogin(parts: LoginParts): Login {
  const { auth } = parts.settings;
  return auth.method === 'token' ? createTokenLogin(auth, parts) : createMethodLogin(auth, parts);
}

type MethodAuth = Exclude<VaultAuth, { method: 'token' }>;

const HINTS: Record<MethodAuth['method'], string> = {
  approle:
    'Check the role id and the secret id: it may have expired, been used up, or be bound to other addresses (CIDR)',
  kubernetes:
    "Check the role, the service accounts and namespaces that it is bound to, and the token's audience; and that the server may call the TokenReview API",
  jwt: "Check the role, and the JWT's issuer, audience, subject and expiry against it",
  cert: 'Check that the certificate, or its authority, is one of auth/cert/certs, and that no proxy ends TLS before the server',
};

function createMethodLogin(auth: MethodAuth, { settings, client, connection, context }: LoginParts): Login {
  const name = `${auth.method} at auth/${auth.mount}`;
  const requestBody = bodyOf(auth, client, context);
  return {
    name,
    makesTokens: true,
    async logIn(signal) {
      const body = await requestBody(signal);
      if (auth.method === 'cert') await connection.reload();
      const path = `auth/${encodePath(auth.mount)}/login`;
      const answer = await client.call(path, { body, signal });
      if (answer.status === 200) return grantOf(answer, `login by ${name} at ${settings.host}`, context);
      if (answer.status === 404 || isUnserved(answer)) {
        throw answerError(
          'ERR_SECRET_ACCESS_DENIED',
          `${settings.host}: there is no auth method at auth/${auth.mount} (${answer.status})`,
          `Check auth.mount and the namespace; \`vault auth list\` shows where each method is enabled${orLeaveOutV1(settings.address)}.`,
          answer,
        );
      }
      if (answer.status === 400 || answer.status === 401 || answer.status === 403) {
        throw answerError(
          'ERR_SECRET_ACCESS_DENIED',
          `${settings.host}: the login by ${name} was refused (${answer.status})`,
          `${HINTS[auth.method]}${orLeaveOutV1(settings.address)}.`,
          answer,
        );
      }
      throw unavailable(answer, `login by ${name} at ${settings.host}`, context.clock.now());
    },
  };
}

type LoginBody = (signal: AbortSignal | undefined) => Promise<Record<string, string>>;

function bodyOf(auth: MethodAuth, client: VaultClient, context: ProviderContext): LoginBody {
  if (auth.method === 'approle') return approleBody(auth, client, context);
  const role: Record<string, string> = auth.role === undefined ? {} : { role: auth.role };
  if (auth.method === 'cert') return async () => (auth.role === undefined ? {} : { name: auth.role });
  if (auth.method === 'kubernetes') {
    const isDefault = auth.jwtFile === SERVICE_ACCOUNT_TOKEN;
    const ifMissing = isDefault ? 'ERR_PROVIDER_NOT_CONFIGURED' : 'ERR_SECRET_MALFORMED';
    return async () => ({
      ...role,
      jwt: reveal(await readSecretFile(auth.jwtFile, context.baseDir, 'auth.jwtFile', { ifMissing })),
    });
  }
  const { jwt, jwtFile = '' } = auth;
  return async () => ({
    ...role,
    jwt: reveal(jwt ?? (await readSecretFile(jwtFile, context.baseDir, 'auth.jwtFile'))),
  });
}

function approleBody(auth: VaultAuthOf<'approle'>, client: VaultClient, context: ProviderContext): LoginBody {
  const readSecretId = createSecretIdSource(auth, client, context);
  return async (signal) => {
    const roleId =
      auth.roleId ?? reveal(await readSecretFile(auth.roleIdFile ?? '', context.baseDir, 'auth.roleIdFile'));
    const secretId = await readSecretId(signal);
    return { role_id: roleId, ...(secretId === undefined ? {} : { secret_id: reveal(secretId) }) };
  };
}
