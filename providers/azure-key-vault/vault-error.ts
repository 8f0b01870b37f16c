import type { Clock } from '../../src/clock.js';
import { type ErrorCode, ImsvaultError, type ImsvaultErrorOptions, vendorCause } from '../../src/errors.js';
import { describeNetworkError } from '../../src/net/network-error.js';
import { parseRetryAfter } from '../../src/retry.js';

/** What a request needs of its login, by the names of access policies; `update` is a part of their "Set". */
export type Permission = 'get' | 'list' | 'set' | 'update';

const GRANTS: Record<Permission, readonly [role: string, policy: string]> = {
  get: ['the role "Key Vault Secrets User"', 'Get'],
  list: ['the role "Key Vault Secrets User"', 'List'],
  set: ['a role with Microsoft.KeyVault/vaults/secrets/setSecret/action', 'Set'],
  update: ['a role with Microsoft.KeyVault/vaults/secrets/update/action', 'Set'],
};

/** Inner codes of a 403 that Key Vault documents: what happened, and what to do. */
function explainForbidden(innerCode: string, permission: Permission): readonly [message: string, hint: string] {
  const [role, policy] = GRANTS[permission];
  const roleHint = `Give the identity ${role} on the secret or the vault; a new role takes minutes.`;
  switch (innerCode) {
    case 'SecretDisabled':
      return ['the secret is disabled', 'Enable the secret, or store a new version.'];
    case 'ForbiddenByRbac':
      return ['the identity has no role that allows it', roleHint];
    case 'ForbiddenByPolicy':
    case 'AccessDenied':
      return [
        'no access policy of the vault allows it',
        `Give the identity "${policy}" on secrets in the access policies.`,
      ];
    case 'ForbiddenByFirewall':
      return [
        "the vault's firewall does not allow this address",
        "Add this machine's network to the vault's firewall, or use its private endpoint.",
      ];
    case 'ForbiddenByConnection':
      return [
        'the vault takes connections through its private endpoint only',
        'Run inside the network of the private endpoint, and check that the name resolves to it.',
      ];
    default:
      return ['access is denied', roleHint];
  }
}

/** The last answer to a request, as far as it matters here. */
export interface VaultAnswer {
  status: number;
  headers: { get(name: string): string | undefined };
}

/** The parts of the SDK's RestError that are read. */
export interface RestErrorShape {
  code?: string;
  /** Only where the body is not empty. */
  response?: VaultAnswer;
  details?: { error?: { innerError?: { code?: string } } };
}

/**
 * Translates what `SecretClient` throws.
 * @param place the secret and its vault, for the text
 * @param permission what the request needed
 * @param answer what the vault answered, if it did; the SDK's error has no status where the body is empty
 */
export function vaultError(
  error: unknown,
  place: string,
  permission: Permission,
  clock: Clock,
  answer?: VaultAnswer,
): ImsvaultError {
  if (error instanceof ImsvaultError) return error;
  const { code, details } = (error ?? {}) as RestErrorShape;
  const status = answer?.status;
  const header = (name: string) => answer?.headers.get(name);
  const cause = vendorCause(error, { status, requestId: header('x-ms-request-id') });
  const fail = (errorCode: ErrorCode, message: string, options: ImsvaultErrorOptions = {}) =>
    new ImsvaultError(errorCode, `${place}: ${message}`, { cause, ...options });

  const network = status === undefined ? describeNetworkError(error) : undefined;
  if (network !== undefined) {
    const { message, hint, retryable } = network;
    return fail('ERR_SECRET_UNAVAILABLE', message, { retryable, hint });
  }
  // Only Key Vault's own words count: a proxy's or another server's 404 says nothing about the secret.
  if (status === 404 && code === 'SecretNotFound') {
    return fail('ERR_SECRET_NOT_FOUND', 'there is no such secret or version', {
      hint: 'Check secretName and version. A deleted secret can be recovered while soft delete keeps it.',
    });
  }
  const inner = details?.error?.innerError?.code ?? '';
  if (status === 409) {
    const isDeleted = inner === 'ObjectIsDeletedButRecoverable';
    return fail(
      'ERR_SECRET_UNAVAILABLE',
      isDeleted ? 'it was deleted, and its name is still taken' : 'it is changing state',
      {
        retryable: !isDeleted,
        hint: 'Recover it (az keyvault secret recover), purge it (az keyvault secret purge), or use another name.',
      },
    );
  }
  if (status === 403) {
    const [message, hint] = explainForbidden(inner, permission);
    return fail('ERR_SECRET_ACCESS_DENIED', message, { hint });
  }
  if (status === 401) {
    return fail('ERR_SECRET_ACCESS_DENIED', 'the vault did not accept the login', {
      hint: "Check that tenantId is the vault's tenant, and this machine's clock.",
    });
  }
  if (error instanceof Error && error.message.startsWith('The challenge resource')) {
    return fail('ERR_SECRET_ACCESS_DENIED', 'the server asks for a token of another service, so it got none', {
      hint: 'Check vaultUrl. For a private cloud or an emulator set disableChallengeResourceVerification: true; read its risk first.',
    });
  }
  if (status === 429 || status === 408 || (status !== undefined && status >= 500)) {
    return fail('ERR_SECRET_UNAVAILABLE', status === 429 ? 'the vault is throttling' : `the vault answered ${status}`, {
      retryAfterMs: parseRetryAfter(header('retry-after'), clock.now()),
    });
  }
  return fail(
    'ERR_SECRET_UNAVAILABLE',
    status === undefined
      ? 'the answer is not one of Key Vault'
      : `the server answered ${status}, not as Key Vault does`,
    { retryable: false, hint: 'Check vaultUrl and version, and the proxy in between.' },
  );
}
