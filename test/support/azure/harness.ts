import azureKeyVault from '../../../providers/azure-key-vault/index.js';
import {
  type AzureConnection,
  type AzureRef,
  azureKeyVaultOptions,
  REF_OPTIONS,
} from '../../../providers/azure-key-vault/options.js';
import { omit, pick } from '../../../src/config/tree.js';
import type { JsonObject } from '../../../src/json.js';
import type { ProviderContext, SecretProvider } from '../../../src/secret/provider.js';
import type { ProviderHarness } from '../../conformance/provider-suite.js';
import { testContext } from '../provider-context.js';
import { type ApplicationLogin, type AzureStandIn, startAzure } from './stand-in.js';

/** The provider as a config block makes it: options checked by the schema, then divided. */
export async function openProvider(
  block: Record<string, unknown>,
  context: ProviderContext = testContext(),
): Promise<{ provider: SecretProvider<AzureRef>; ref: AzureRef }> {
  const options = azureKeyVaultOptions.parse(block) as unknown as JsonObject;
  return {
    provider: await azureKeyVault.createProvider(
      omit(options, [...REF_OPTIONS]) as unknown as AzureConnection,
      context,
    ),
    ref: pick(options, [...REF_OPTIONS]) as unknown as AzureRef,
  };
}

/** A block that reads `secretName` from the stand-in by the reader's client secret. */
export function readerBlock(azure: AzureStandIn, secretName = 'ims-fusion') {
  return blockOf(azure, azure.reader, secretName);
}

export function blockOf({ trust, entra }: AzureStandIn, login: ApplicationLogin, secretName: string) {
  return { ...trust, secretName, auth: { method: 'client-secret', ...login, authorityHost: originOf(entra.url) } };
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
