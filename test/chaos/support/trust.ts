import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../support/authority.js';
import type { KeyPair } from '../../support/azure/certificates.js';

/** Of all names of the suite. */
export const DOMAIN = 'chaos.test';

/** What a server can show: only `good` is for its name, of today, and by an authority that is trusted here. */
export type CertificateKind = 'good' | 'expired' | 'otherName' | 'unknownAuthority';

export interface Trust {
  certificates: Record<CertificateKind, KeyPair>;
  /** PEM file of the authority. */
  caFile: string;
}

const DAY_MS = 86_400_000;

export async function createTrust(): Promise<Trust & { remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-chaos-'));
  const [authority, other] = await Promise.all([createAuthority('imsvault chaos'), createAuthority('somebody else')]);
  const names = [`*.${DOMAIN}`];
  const ended = { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.certificate);
  return {
    certificates: {
      good: await authority.issue({ names }),
      expired: await authority.issue({ names, ...ended }),
      otherName: await authority.issue({ names: ['elsewhere.test'] }),
      unknownAuthority: await other.issue({ names }),
    },
    caFile,
    remove: () => rmSync(folder, { recursive: true }),
  };
}
