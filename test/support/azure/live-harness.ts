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

/**
 * The conformance harness on the vault that the environment names. Its login needs to get, set and delete secrets.
 *
 * - `IMSVAULT_TEST_AZURE_VAULT_URL`: https://…
 * - `IMSVAULT_TEST_AZURE_AUTH`: the `auth` block as JSON. Default {"method":"default"}
 * - `IMSVAULT_TEST_AZURE_CA_FILE`: as `caFile`
 * - `IMSVAULT_TEST_AZURE_EMULATOR`: `1` for a server that is not Microsoft's
 */
export async function vaultHarness(vaultUrl: string, env: Env): Promise<ProviderHarness<AzureRef>> {
  const secretName = `imsvault-test-${randomUUID()}`;
  const caFile = env['IMSVAULT_TEST_AZURE_CA_FILE'];
  const isEmulator = env['IMSVAULT_TEST_AZURE_EMULATOR'] === '1';
  const block = {
    vaultUrl,
    secretName,
    auth: JSON.parse(env['IMSVAULT_TEST_AZURE_AUTH'] ?? '{"method":"default"}') as unknown,
    disableInstanceDiscovery: isEmulator,
    disableChallengeResourceVerification: isEmulator,
    ...(caFile === undefined ? {} : { caFile }),
  };
  const context = testContext({ env, timeoutMs: 20_000 });
  const { provider, ref } = await openProvider(block, context);
  const tls = caFile === undefined ? {} : { tls: { ca: readFileSync(caFile, 'utf8') } };
  const http = context.createHttpClient(tls);
  const httpClient = toPipelineClient(http, context.createHttpClient({ direct: true }), context.clock);
  const request = tokenRequest(identity, azureKeyVaultOptions.parse(block), context, httpClient);
  const client = new SecretClient(vaultUrl, createLogin(request, context.clock), {
    httpClient,
    disableChallengeResourceVerification: isEmulator,
  });
  return {
    provider,
    ref,
    missingRef: { ...ref, secretName: `${secretName}-missing` },
    write: async (value) => void (await client.setSecret(secretName, value)),
    fault: async () => undefined,
    secrets: [],
    async close() {
      const deletion = await client.beginDeleteSecret(secretName);
      await deletion.pollUntilDone();
      // The login may lack the right to purge; the vault then does it in time.
      await client.purgeDeletedSecret(secretName).catch(() => undefined);
      await provider.close?.();
      await http.close();
    },
  };
}
