import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import { type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import type { Trouble } from './link.js';
import { CREDENTIAL, type Ground, type Refusal, type RefusingStore } from './refusals.js';

const NAME = 'ims-fusion';
const nothing = async () => undefined;

export function azureRefusals(): RefusingStore {
  const refusal = (
    fault: string,
    means: Refusal['means'],
    on: (azure: AzureStandIn, login: AzureStandIn['reader']) => Trouble,
  ): Refusal => ({
    fault,
    means,
    async open(): Promise<Ground> {
      const azure = await startAzure();
      azure.vault.store.add(NAME, JSON.stringify(CREDENTIAL), {});
      const caFile = await azure.file('all.pem', `${azure.ca}\n${readFileSync(inject('trust').caFile, 'utf8')}`);
      const auth = { method: 'client-secret', ...azure.reader, authorityHost: azure.entra.url };
      return {
        url: azure.vault.url,
        block: (vaultUrl) => ({
          provider: 'azure-key-vault',
          ...azure.trust,
          vaultUrl,
          caFile,
          secretName: NAME,
          auth,
        }),
        env: {},
        trouble: on(azure, azure.reader),
        close: azure.close,
      };
    },
  });

  const enable = ({ vault: { store } }: AzureStandIn, enabled: boolean) => {
    for (const version of store.versions(NAME)) store.update(version, { attributes: { enabled } });
  };

  return {
    provider: 'azure-key-vault',
    start: nothing,
    close: nothing,
    refusals: [
      refusal('login revoked', 'denied', (azure, { clientId, clientSecret: secret }) => ({
        async strike() {
          azure.issuer.issued.splice(0);
          azure.entra.register({ clientId, secret: 'another' });
        },
        mend: async () => azure.entra.register({ clientId, secret }),
      })),
      refusal('permission removed', 'denied', ({ vault }, { clientId }) => ({
        strike: async () => vault.grant(clientId),
        mend: async () => vault.grant(clientId, 'get'),
      })),
      refusal('secret deleted', 'missing', ({ vault }) => ({
        strike: async () => vault.store.remove(NAME),
        mend: async () => vault.store.recover(NAME),
      })),
      refusal('secret disabled', 'denied', (azure) => ({
        strike: async () => enable(azure, false),
        mend: async () => enable(azure, true),
      })),
    ],
  };
}
