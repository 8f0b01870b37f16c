import { DeadlineExceeded, withDeadline } from '../../src/deadline.js';
import { loadSdk } from '../../src/secret/load-sdk.js';
import { defineProvider, type ReadOptions } from '../../src/secret/provider.js';
import { toPipelineClient, UNUSED_AGENT } from './http-client.js';
import { tokenRequest } from './identity.js';
import { createKeyVault } from './key-vault.js';
import { createLogin } from './login.js';
import {
  type AzureKeyVaultOptions,
  type AzureRef,
  azureKeyVaultOptions,
  REF_OPTIONS,
  type RefOption,
} from './options.js';
import { trustedAuthorities } from './trusted-authorities.js';
import { vaultError } from './vault-error.js';

const NAME = 'azure-key-vault';
const PACKAGES = '@azure/keyvault-secrets @azure/identity';

/** The credential from one JSON secret of an Azure Key Vault, or from two secrets that hold a value each. */
export default defineProvider<AzureKeyVaultOptions, RefOption>({
  name: NAME,
  options: azureKeyVaultOptions,
  refOptions: REF_OPTIONS,
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
      agent: UNUSED_AGENT,
      retryOptions: { maxRetries: 0 },
      redirectOptions: { maxRetries: 0 },
      disableChallengeResourceVerification: connection.disableChallengeResourceVerification,
    });
    const vault = createKeyVault(client, context, login.forget);

    /** Ends in time and on the caller's abort, also while waiting for a login that others share. */
    async function bounded<T>(
      place: string,
      { signal }: Pick<ReadOptions, 'signal'>,
      work: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> {
      try {
        return await withDeadline(clock, timeoutMs, signal, work);
      } catch (error) {
        throw error instanceof DeadlineExceeded ? vaultError(error, place, 'get', clock) : error;
      }
    }
    const on = <T>(ref: AzureRef, options: Pick<ReadOptions, 'signal'>, work: (signal: AbortSignal) => Promise<T>) =>
      bounded(vault.describe(ref), options, work);

    return {
      name: NAME,
      claimSpreadMs: 2000,
      describe: vault.describe,
      readSecret: (ref, options = {}) => on(ref, options, (signal) => vault.read(ref, signal)),
      readOtherVersions: (ref, options = {}) => on(ref, options, (signal) => vault.readOthers(ref, signal)),
      putSecret: (ref, value, { create = true, ...options } = {}) =>
        on(ref, options, (signal) => vault.put(ref, value, create, signal)),
      annotateSecret: (ref, metadata, options = {}) =>
        on(ref, options, (signal) => vault.annotate(ref, metadata, signal)),
      election: {
        enter: (ref, entry, { create = true, ...options } = {}) =>
          on(ref, options, (signal) => vault.enter(ref, entry, create, signal)),
        list: (ref, generation, options = {}) =>
          on(ref, options, (signal) => vault.listEntries(ref, generation, signal)),
      },
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

/** Each cloud has a domain for its vaults, which is also the resource that tokens are for. */
function scopeOf(vaultUrl: string): string {
  const domain = /\.(vault\.[a-z.]+)$/.exec(new URL(vaultUrl).hostname)?.[1] ?? 'vault.azure.net';
  return `https://${domain}/.default`;
}
