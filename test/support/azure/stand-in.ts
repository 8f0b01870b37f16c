import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/clock.js';
import { createServerCertificate } from './certificates.js';
import { type EntraStandIn, startEntra } from './entra.js';
import { type KeyVaultStandIn, type Permission, startKeyVault } from './key-vault.js';
import { createTokenIssuer, type TokenIssuer } from './token-issuer.js';

export interface ApplicationLogin {
  tenantId: string;
  clientId: string;
  clientSecret: string;
}

/** A tenant with a vault, over HTTPS on loopback. */
export interface AzureStandIn {
  readonly issuer: TokenIssuer;
  readonly entra: EntraStandIn;
  readonly vault: KeyVaultStandIn;
  /** PEM of the servers' authority. */
  readonly ca: string;
  /** A folder for the test's files, with the servers' authority in it. */
  readonly folder: string;
  /** Writes a file into that folder and returns its path. */
  file(name: string, content: string): Promise<string>;
  /** The options that make the SDKs trust servers which are not Microsoft's. */
  readonly trust: {
    vaultUrl: string;
    caFile: string;
    disableInstanceDiscovery: true;
    disableChallengeResourceVerification: true;
  };
  /** An application that may read. */
  readonly reader: ApplicationLogin;
  /** Registers an application with a secret, and grants it permissions at the vault. */
  createApplication(...permissions: Permission[]): ApplicationLogin;
  close(): Promise<void>;
}

export async function startAzure(clock?: Clock): Promise<AzureStandIn> {
  const certificate = await createServerCertificate();
  const issuer = createTokenIssuer(clock);
  const entra = await startEntra(issuer, certificate);
  const vault = await startKeyVault(issuer, entra.authority, certificate);
  const folder = await mkdtemp(join(tmpdir(), 'imsvault-azure-'));
  const file = async (name: string, content: string) => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const caFile = await file('ca.pem', certificate.certificate);
  const createApplication = (...permissions: Permission[]) => {
    const [clientId, clientSecret] = [randomUUID(), `entra~${randomUUID()}`];
    entra.register({ clientId, secret: clientSecret });
    vault.grant(clientId, ...permissions);
    return { tenantId: issuer.tenantId, clientId, clientSecret };
  };
  return {
    issuer,
    entra,
    vault,
    ca: certificate.certificate,
    folder,
    file,
    trust: {
      vaultUrl: vault.url,
      caFile,
      disableInstanceDiscovery: true,
      disableChallengeResourceVerification: true,
    },
    reader: createApplication('get'),
    createApplication,
    async close() {
      await Promise.all([entra.close(), vault.close(), rm(folder, { recursive: true })]);
    },
  };
}
