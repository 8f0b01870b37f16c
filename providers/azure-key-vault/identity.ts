import { createPrivateKey } from 'node:crypto';
import type { TokenCredential } from '@azure/identity';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, reveal } from '../../src/redacted.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { readSecretFile, resolvePath } from '../../src/secret/secret-file.js';
import { type LoginExchange, loginExchanges, type PipelineClient, UNUSED_AGENT } from './http-client.js';
import type { RequestToken } from './login.js';
import { loginError } from './login-error.js';
import type { AzureAuth, AzureConnection } from './options.js';

type IdentitySdk = typeof import('@azure/identity');

/** One login by the configured method; what goes wrong comes out as an ImsvaultError. */
export function tokenRequest(
  sdk: IdentitySdk,
  connection: AzureConnection,
  context: ProviderContext,
  httpClient: PipelineClient,
): RequestToken {
  return (scopes, options) => {
    const exchanges: LoginExchange[] = [];
    return loginExchanges.run(exchanges, async () => {
      try {
        const credential = await createCredential(sdk, connection, context, httpClient);
        const token = await credential.getToken(scopes, options);
        if (token === null) throw new Error('the credential returned no token');
        return token;
      } catch (error) {
        throw loginError(error, exchanges, connection.auth);
      }
    });
  };
}

/**
 * The SDK's credential for a login method. Made anew for each login, so that files are read as they are then.
 * @throws ERR_PROVIDER_NOT_CONFIGURED, ERR_SECRET_MALFORMED or ERR_SECRET_ACCESS_DENIED about a file or variable
 */
async function createCredential(
  sdk: IdentitySdk,
  connection: AzureConnection,
  context: ProviderContext,
  httpClient: PipelineClient,
): Promise<TokenCredential> {
  const { auth } = connection;
  const { env, baseDir } = context;
  const authorityHost = 'authorityHost' in auth ? auth.authorityHost : undefined;
  const options = {
    httpClient,
    agent: UNUSED_AGENT,
    // The caller retries, and knows how long it may take.
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
    disableInstanceDiscovery: connection.disableInstanceDiscovery,
    ...given('authorityHost', authorityHost ?? env['AZURE_AUTHORITY_HOST']),
  };
  switch (auth.method) {
    case 'default':
      return new sdk.DefaultAzureCredential({
        ...options,
        ...given('tenantId', auth.tenantId),
        ...given('managedIdentityClientId', auth.clientId),
        ...given('workloadIdentityClientId', auth.clientId),
        processTimeoutInMs: context.timeoutMs,
      });
    case 'managed-identity': {
      const { clientId, resourceId } = auth;
      if (resourceId !== undefined) return new sdk.ManagedIdentityCredential({ ...options, resourceId });
      // In a pod the SDK would use the federated token too, but with an HTTP client of its own.
      if (env['AZURE_FEDERATED_TOKEN_FILE'] && env['AZURE_TENANT_ID'] && (clientId ?? env['AZURE_CLIENT_ID'])) {
        return workloadIdentity(sdk, { clientId }, context, options);
      }
      return new sdk.ManagedIdentityCredential({ ...options, ...given('clientId', clientId) });
    }
    case 'workload-identity':
      return workloadIdentity(sdk, auth, context, options);
    case 'client-secret':
      return new sdk.ClientSecretCredential(
        auth.tenantId,
        auth.clientId,
        reveal(await either(auth.clientSecret, auth.clientSecretFile, baseDir, 'auth.clientSecretFile')),
        options,
      );
    case 'client-certificate':
      return new sdk.ClientCertificateCredential(
        auth.tenantId,
        auth.clientId,
        await readCertificate(auth, baseDir),
        options,
      );
    case 'azure-cli':
      return new sdk.AzureCliCredential({
        ...given('tenantId', auth.tenantId),
        processTimeoutInMs: context.timeoutMs,
      });
  }
}

async function workloadIdentity(
  sdk: IdentitySdk,
  auth: { clientId?: string | undefined; tenantId?: string | undefined; tokenFile?: string | undefined },
  { env, baseDir }: ProviderContext,
  options: object,
): Promise<TokenCredential> {
  const file = auth.tokenFile ?? env['AZURE_FEDERATED_TOKEN_FILE'];
  if (!file) {
    throw new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', 'workload identity: AZURE_FEDERATED_TOKEN_FILE is not set', {
      hint: 'Label the pod azure.workload.identity/use: "true" and annotate its service account, or set auth.tokenFile.',
    });
  }
  const tenant = auth.tenantId ?? env['AZURE_TENANT_ID'];
  const client = auth.clientId ?? env['AZURE_CLIENT_ID'];
  if (!tenant || !client) {
    const missing = tenant
      ? 'client id (auth.clientId or AZURE_CLIENT_ID)'
      : 'tenant (auth.tenantId or AZURE_TENANT_ID)';
    throw new ImsvaultError('ERR_SECRET_MALFORMED', `workload identity: a token file is set, but no ${missing}`, {
      hint: 'Annotate the service account with azure.workload.identity/client-id, or set the option.',
    });
  }
  // What WorkloadIdentityCredential wraps; that one keeps the file's content for five minutes.
  const assertion = await readSecretFile(file, baseDir, 'auth.tokenFile');
  return new sdk.ClientAssertionCredential(tenant, client, async () => reveal(assertion), options);
}

async function readCertificate(auth: Extract<AzureAuth, { method: 'client-certificate' }>, baseDir: string) {
  const certificate = reveal(await readSecretFile(auth.certificateFile, baseDir, 'auth.certificateFile'));
  const { certificatePassword: value, certificatePasswordFile: file } = auth;
  const hasPassword = value !== undefined || file !== undefined;
  const password = hasPassword ? reveal(await either(value, file, baseDir, 'auth.certificatePasswordFile')) : undefined;
  const where = `auth.certificateFile: ${resolvePath(auth.certificateFile, baseDir)}`;
  const fail = (what: string, hint: string) => new ImsvaultError('ERR_SECRET_MALFORMED', `${where} ${what}`, { hint });
  if (!certificate.includes('BEGIN CERTIFICATE')) {
    throw fail('has no PEM certificate', 'It must hold the certificate and its private key, both as PEM.');
  }
  try {
    createPrivateKey({ key: certificate, ...given('passphrase', password) });
  } catch {
    throw fail('has no private key that can be read', 'Add the key as PEM; if it is encrypted, check the password.');
  }
  return { certificate, ...given('certificatePassword', password) };
}

/** The schema has seen to it that one of the two is set. */
async function either(
  value: Redacted<string> | undefined,
  file: string | undefined,
  baseDir: string,
  option: string,
): Promise<Redacted<string>> {
  return value ?? readSecretFile(file ?? '', baseDir, option);
}

/** `{ name: value }`, or nothing where the value is not set. */
function given<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [key in K]: V });
}
