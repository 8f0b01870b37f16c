import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as identity from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { toPipelineClient } from '../../../providers/azure-key-vault/http-client.js';
import { tokenRequest } from '../../../providers/azure-key-vault/identity.js';
import { createLogin } from '../../../providers/azure-key-vault/login.js';
import { type AzureRef, azureKeyVaultOptions } from '../../../providers/azure-key-vault/options.js';
import type { ProviderHarness, SuiteOptions } from '../../conformance/provider-suite.js';
import { testContext } from '../provider-context.js';
import { openProvider } from './harness.js';

type Env = Readonly<Record<string, string | undefined>>;

/** What only the stand-in can be told to do. */
export const SKIPPED_ELSEWHERE: NonNullable<SuiteOptions<AzureRef>['skip']> = {
  denied: 'a real vault cannot be told to refuse',
  down: 'a real vault cannot be told to fail',
  hang: 'a real vault cannot be told to hang',
};

/** A vault that is not the stand-in. */
export interface NamedVault {
  block(secretName: string): Record<string, unknown>;
  readonly context: ReturnType<typeof testContext>;
  readonly client: SecretClient;
  /** Deletes secrets, and purges them where the login may; else the vault does it in time. */
  remove(...secretNames: string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * The vault that the environment names. Its login needs to get, list, set and delete secrets.
 *
 * - `IMSVAULT_TEST_AZURE_VAULT_URL`: https://…
 * - `IMSVAULT_TEST_AZURE_AUTH`: the `auth` block as JSON. Default {"method":"default"}
 * - `IMSVAULT_TEST_AZURE_CA_FILE`: as `caFile`
 * - `IMSVAULT_TEST_AZURE_EMULATOR`: `1` for a server that is not Microsoft's
 */
export function namedVault(vaultUrl: string, env: Env): NamedVault {
  const caFile = env['IMSVAULT_TEST_AZURE_CA_FILE'];
  const isEmulator = env['IMSVAULT_TEST_AZURE_EMULATOR'] === '1';
  const block = (secretName: string) => ({
    vaultUrl,
    secretName,
    auth: JSON.parse(env['IMSVAULT_TEST_AZURE_AUTH'] ?? '{"method":"default"}') as unknown,
    disableInstanceDiscovery: isEmulator,
    disableChallengeResourceVerification: isEmulator,
    ...(caFile === undefined ? {} : { caFile }),
  });
  const context = testContext({ env, timeoutMs: 20_000 });
  const tls = caFile === undefined ? {} : { tls: { ca: readFileSync(caFile, 'utf8') } };
  const http = context.createHttpClient(tls);
  const httpClient = toPipelineClient(http, context.createHttpClient({ direct: true }), context.clock);
  const request = tokenRequest(identity, azureKeyVaultOptions.parse(block('any')), context, httpClient);
  const client = new SecretClient(vaultUrl, createLogin(request, context.clock), {
    httpClient,
    disableChallengeResourceVerification: isEmulator,
  });
  return {
    block,
    context,
    client,
    async remove(...secretNames) {
      for (const secretName of secretNames) {
        const deletion = await client.beginDeleteSecret(secretName);
        await deletion.pollUntilDone();
        await client.purgeDeletedSecret(secretName).catch(() => undefined);
      }
    },
    close: () => http.close(),
  };
}

/** The conformance harness on that vault. */
export async function vaultHarness(vaultUrl: string, env: Env): Promise<ProviderHarness<AzureRef>> {
  const vault = namedVault(vaultUrl, env);
  const secretName = `imsvault-test-${randomUUID()}`;
  const { provider, ref } = await openProvider(vault.block(secretName), vault.context);
  return {
    provider,
    ref,
    missingRef: { ...ref, secretName: `${secretName}-missing` },
    write: async (value) => void (await vault.client.setSecret(secretName, value)),
    fault: async () => undefined,
    secrets: [],
    async close() {
      await vault.remove(secretName);
      await provider.close?.();
      await vault.close();
    },
  };
}
