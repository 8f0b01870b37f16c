import { ImsvaultError, type VendorCause, vendorCause } from '../../src/errors.js';
import { describeNetworkError } from '../../src/net/network-error.js';
import type { LoginExchange } from './http-client.js';
import type { AzureAuth } from './options.js';

/** What an administrator can do about a refusal. Source: Microsoft, "Entra authentication and authorization error codes". */
const AADSTS_HINTS: Record<string, string> = {
  AADSTS7000215: 'The client secret is wrong; give its value, not its id.',
  AADSTS7000222: 'The client secret has expired; add a new one to the app registration.',
  AADSTS700016: 'There is no such application in this tenant; check clientId and tenantId.',
  AADSTS90002: 'There is no such tenant; check tenantId and authorityHost.',
  AADSTS900023: 'tenantId is not a tenant; give its GUID.',
  AADSTS700027: 'The certificate is not registered with the application, or it has expired.',
  AADSTS700024: "The login's assertion is outside its time; check this machine's clock and the age of the token file.",
  AADSTS70021:
    'No federated identity credential of the application matches the token; check issuer, subject and audience.',
  AADSTS700211: 'The issuer of the federated token is not the one registered; check the federated identity credential.',
  AADSTS700212: 'The audience of the federated token must be api://AzureADTokenExchange.',
  AADSTS700213: 'The subject of the federated token is not the one registered: system:serviceaccount:NAMESPACE:NAME.',
  AADSTS53003: 'A Conditional Access policy forbids this login.',
};

const DEFAULT_HINT =
  'Set one up: workload identity, managed identity, AZURE_TENANT_ID with AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or `az login`; or name one with auth.method.';

/** The identity endpoint's ways to say "not now". Source: "How to use managed identities on a VM", error handling. */
const isPassing = ({ status = 0, local }: LoginExchange) =>
  status === 408 || status === 429 || status >= 500 || (local && (status === 404 || status === 410));

/**
 * Says what a failed login met. It goes by the exchanges; the SDK's text serves only where nothing was sent, and only
 * to recognise sentences that the SDK itself wrote.
 */
export function loginError(error: unknown, exchanges: readonly LoginExchange[], auth: AzureAuth): ImsvaultError {
  if (error instanceof ImsvaultError) return error;
  const outage = exchanges.findLast((exchange) => exchange.failure !== undefined || isPassing(exchange));
  if (outage !== undefined) return unavailable(outage, error);
  const refusal = exchanges.findLast(({ status = 0 }) => status >= 400);
  // DefaultAzureCredential asks the machine's identity endpoint on the chance that there is an identity.
  if (refusal !== undefined && !(refusal.local && auth.method === 'default')) return refused(refusal, error);
  return local(error, auth);
}

function causeOf(error: unknown, { status, requestId }: Partial<LoginExchange> = {}): VendorCause {
  return vendorCause(error, { status, requestId });
}

function unavailable(exchange: LoginExchange, error: unknown): ImsvaultError {
  const { host, status, failure, retryAfterMs } = exchange;
  const fault = failure === undefined ? undefined : describeNetworkError(failure);
  const what = fault?.message ?? (status === undefined ? 'the request failed' : `it answered ${status}`);
  const hint =
    fault?.hint ??
    (exchange.local ? 'Does this machine have a managed identity? Then try again in a minute.' : undefined);
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `Azure login at ${host}: ${what}`, {
    cause: causeOf(error, exchange),
    retryable: fault?.retryable,
    hint,
    retryAfterMs,
  });
}

function refused(exchange: LoginExchange, error: unknown): ImsvaultError {
  const { host, status, aadsts } = exchange;
  const hint = exchange.local
    ? 'Assign the managed identity to this machine; a user-assigned one must be named by auth.clientId or auth.resourceId.'
    : (AADSTS_HINTS[aadsts ?? ''] ?? 'Check tenantId, clientId and the secret or certificate of the app registration.');
  return new ImsvaultError(
    'ERR_SECRET_ACCESS_DENIED',
    `Azure login at ${host} was refused (${aadsts ?? `status ${status}`})`,
    { hint, cause: causeOf(error, exchange) },
  );
}

/** Nothing was sent, or nothing that tells: the login ended on this machine. */
function local(error: unknown, auth: AzureAuth): ImsvaultError {
  const { name = '', message = '' } = error instanceof Error ? error : {};
  const fail = (code: 'ERR_PROVIDER_NOT_CONFIGURED' | 'ERR_SECRET_ACCESS_DENIED', text: string, hint: string) =>
    new ImsvaultError(code, text, { hint, cause: causeOf(error) });
  const aadsts = /AADSTS\d{1,9}/.exec(message)?.[0];
  if (aadsts !== undefined) {
    const hint = auth.method === 'azure-cli' ? 'Run: az login' : (AADSTS_HINTS[aadsts] ?? 'Log in again: az login');
    return fail('ERR_SECRET_ACCESS_DENIED', `Azure login was refused (${aadsts})`, hint);
  }
  if (message.includes('not configured to acquire tokens for tenant')) {
    return fail(
      'ERR_SECRET_ACCESS_DENIED',
      'the vault belongs to another tenant than the login',
      "Give the id (a GUID, not a domain) of the vault's tenant as tenantId.",
    );
  }
  if (message.startsWith('Invalid value for AZURE_TOKEN_CREDENTIALS')) {
    return new ImsvaultError('ERR_SECRET_MALFORMED', 'AZURE_TOKEN_CREDENTIALS has a value that the SDK does not know', {
      hint: 'Set it to prod, dev, or the name of one credential such as ManagedIdentityCredential, or unset it.',
      cause: causeOf(error),
    });
  }
  if (auth.method === 'azure-cli') {
    if (message.startsWith('Azure CLI could not be found')) {
      return fail('ERR_PROVIDER_NOT_CONFIGURED', 'the Azure CLI (az) is not installed', 'Install it, then: az login');
    }
    if (message.startsWith("Please run 'az login'")) {
      return fail('ERR_PROVIDER_NOT_CONFIGURED', 'the Azure CLI is not logged in', 'Run: az login');
    }
  }
  if (auth.method === 'default' && (name === 'AggregateAuthenticationError' || name === 'CredentialUnavailableError')) {
    return fail('ERR_PROVIDER_NOT_CONFIGURED', `no Azure login was found; tried ${tried(error)}`, DEFAULT_HINT);
  }
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `the Azure login by ${auth.method} gave no token`, {
    hint: 'Run with AZURE_LOG_LEVEL=info to see what the Azure SDK does.',
    cause: causeOf(error),
  });
}

/** How the SDK's sentences begin or what they name, for credentials whose errors do not carry the credential's name. */
const TRIED: readonly [RegExp, string][] = [
  [/EnvironmentCredential/, 'EnvironmentCredential'],
  [/WorkloadIdentityCredential/, 'WorkloadIdentityCredential'],
  [/ManagedIdentityCredential|IMDS endpoint/, 'ManagedIdentityCredential'],
  [/Visual ?Studio ?Code/i, 'VisualStudioCodeCredential'],
  [/Azure CLI|'az login'|AzureCliCredential/, 'AzureCliCredential'],
  [/Azure ?PowerShell|Az\.Account/i, 'AzurePowerShellCredential'],
  [/Azure Developer CLI|azd auth login|AzureDeveloperCliCredential/, 'AzureDeveloperCliCredential'],
  [/broker/i, 'BrokerCredential'],
];

function tried(error: unknown): string {
  const { errors = [error] } = error as { errors?: unknown[] };
  const names = errors.map((each) => TRIED.find(([pattern]) => pattern.test(String(each)))?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].join(', ') || 'DefaultAzureCredential';
}
