import { DeadlineExceeded, withDeadline } from '../../src/deadline.js';
import { redact, reveal } from '../../src/redacted.js';
import { loadSdk } from '../../src/secret/load-sdk.js';
import { defineProvider, type ReadOptions, type SecretVersion } from '../../src/secret/provider.js';
import { toPipelineClient } from './http-client.js';
import { tokenRequest } from './identity.js';
import { createLogin } from './login.js';
import { type AzureKeyVaultOptions, azureKeyVaultOptions } from './options.js';
import { createSecretReader } from './secret-reader.js';
import { trustedAuthorities } from './trusted-authorities.js';
import { vaultError } from './vault-error.js';

const NAME = 'azure-key-vault';
const PACKAGES = '@azure/keyvault-secrets @azure/identity';

type RefKey = 'secretName' | 'clientIdSecretName' | 'clientSecretSecretName' | 'version';
type Ref = Pick<AzureKeyVaultOptions, RefKey>;

/** The credential from one JSON secret of an Azure Key Vault, or from two secrets that hold a value each. */
export default defineProvider<AzureKeyVaultOptions, RefKey>({
  name: NAME,
  options: azureKeyVaultOptions,
  refOptions: ['secretName', 'clientIdSecretName', 'clientSecretSecretName', 'version'],
  async createProvider(connection, context) {
    const { clock, timeoutMs } = context;
    const [{ SecretClient }, identity, ca] = await Promise.all([
      loadSdk(() => import('@azure/keyvault-secrets'), NAME, PACKAGES),
      loadSdk(() => import('@azure/identity'), NAME, PACKAGES),
      trustedAuthorities(connection.caFile, context.baseDir),
    ]);
    const timeouts = { totalMs: timeoutMs };
    const http = context.createHttpClient({ timeouts, ...(ca === undefined ? {} : { tls: { ca } }) });
    const direct = context.createHttpClient({ timeouts, direct: true });
    const httpClient = toPipelineClient(http, direct, clock);
    const login = createLogin(tokenRequest(identity, connection, context, httpClient), clock);
    const client = new SecretClient(new URL(connection.vaultUrl).origin, login, {
      httpClient,
      retryOptions: { maxRetries: 0 },
      redirectOptions: { maxRetries: 0 },
      disableChallengeResourceVerification: connection.disableChallengeResourceVerification,
    });
    const secrets = createSecretReader(client, context, login.forget);

    /** Ends in time and on the caller's abort, also while waiting for a login that others share. */
    async function bounded<T>(
      place: string,
      { signal }: ReadOptions,
      work: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> {
      try {
        return await withDeadline(clock, timeoutMs, signal, work);
      } catch (error) {
        throw error instanceof DeadlineExceeded ? vaultError(error, place, clock) : error;
      }
    }

    const describe = ({ secretName, clientIdSecretName, clientSecretSecretName, version }: Ref) =>
      secretName === undefined
        ? `Azure Key Vault secrets "${clientIdSecretName}" and "${clientSecretSecretName}" at ${client.vaultUrl}`
        : secrets.describe(secretName, version);

    return {
      name: NAME,
      describe,
      readSecret: (ref, options = {}) =>
        bounded(describe(ref), options, async (signal) => {
          if (ref.secretName !== undefined) return secrets.read(ref.secretName, ref.version, signal);
          // The schema has seen to it that both are named where secretName is not.
          const [id, secret] = await Promise.all([
            secrets.read(ref.clientIdSecretName ?? '', undefined, signal),
            secrets.read(ref.clientSecretSecretName ?? '', undefined, signal),
          ]);
          return compose(id, secret);
        }),
      async login(options = {}) {
        const { expiresOnTimestamp } = await bounded('Azure login', options, () =>
          login.current(scopeOf(client.vaultUrl)),
        );
        return `${connection.auth.method}, ${Math.floor((expiresOnTimestamp - clock.now()) / 60_000)} min left`;
      },
      close: async () => void (await Promise.all([http.close(), direct.close()])),
    };
  },
});

function compose(id: SecretVersion, secret: SecretVersion): SecretVersion {
  const created = [id.createdAt, secret.createdAt].filter((time) => time !== undefined);
  return {
    value: redact(JSON.stringify({ client_id: reveal(id.value), client_secret: reveal(secret.value) })),
    id: `${id.id}+${secret.id}`,
    ...(created.length === 0 ? {} : { createdAt: Math.max(...created) }),
    ...(secret.serverTime === undefined ? {} : { serverTime: secret.serverTime }),
  };
}

/** Each cloud has a domain for its vaults, which is also the resource that tokens are for. */
function scopeOf(vaultUrl: string): string {
  const domain = /\.(vault\.[a-z.]+)$/.exec(new URL(vaultUrl).hostname)?.[1] ?? 'vault.azure.net';
  return `https://${domain}/.default`;
}
