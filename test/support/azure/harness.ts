import azureKeyVault from '../../../providers/azure-key-vault/index.js';
import { type AzureKeyVaultOptions, azureKeyVaultOptions } from '../../../providers/azure-key-vault/options.js';
import type { ProviderContext, SecretProvider } from '../../../src/secret/provider.js';
import type { ProviderHarness } from '../../conformance/provider-suite.js';
import { testContext } from '../provider-context.js';
import { type AzureStandIn, startAzure } from './stand-in.js';

export type AzureRef = Pick<
  AzureKeyVaultOptions,
  'secretName' | 'clientIdSecretName' | 'clientSecretSecretName' | 'version'
>;

/** The provider as a config block makes it: options checked by the schema, then divided. */
export async function openProvider(
  block: Record<string, unknown>,
  context: ProviderContext = testContext(),
): Promise<{ provider: SecretProvider<AzureRef>; ref: AzureRef }> {
  const { secretName, clientIdSecretName, clientSecretSecretName, version, ...connection } =
    azureKeyVaultOptions.parse(block);
  return {
    provider: await azureKeyVault.createProvider(connection, context),
    ref: { secretName, clientIdSecretName, clientSecretSecretName, version },
  };
}

/** A block that reads `secretName` from the stand-in by the reader's client secret. */
export function readerBlock({ trust, reader, entra }: AzureStandIn, secretName = 'ims-fusion') {
  return { ...trust, secretName, auth: { method: 'client-secret', ...reader, authorityHost: originOf(entra.url) } };
}

const originOf = (url: string) => new URL(url).origin;

/** What the conformance suite needs, on a stand-in of its own. */
export async function standInHarness(): Promise<ProviderHarness<AzureRef>> {
  const azure = await startAzure();
  const { vault, reader, issuer } = azure;
  const { provider, ref } = await openProvider(readerBlock(azure));
  return {
    provider,
    ref,
    missingRef: { ...ref, secretName: 'missing' },
    async write(value) {
      vault.store.add('ims-fusion', value, {});
    },
    async fault(kind) {
      vault.forbid(kind === 'denied' ? 'ForbiddenByRbac' : undefined);
      vault.fault(kind === 'down' ? { status: 503, text: 'Service Unavailable' } : kind === 'hang' ? 'hang' : 'none');
    },
    get secrets() {
      return [reader.clientSecret, ...issuer.issued];
    },
    async close() {
      await provider.close?.();
      await azure.close();
    },
  };
}
