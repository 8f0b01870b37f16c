import { generate } from 'selfsigned';
import type { KeyPair } from './azure/certificates.js';

export interface IssueOptions {
  /** The DNS names in the certificate. */
  names?: string[];
  /** The addresses in the certificate. */
  addresses?: string[];
  notBefore?: Date;
  notAfter?: Date;
}

/** A private certificate authority. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  issue(options?: IssueOptions): Promise<KeyPair>;
}

const EC = { keyType: 'ec', algorithm: 'sha256' } as const;

export async function createAuthority(commonName: string): Promise<Authority> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    ...EC,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return {
    certificate: cert,
    async issue({ names = [], addresses = [], notBefore, notAfter } = {}) {
      const altNames = [
        ...names.map((value) => ({ type: 2 as const, value })),
        ...addresses.map((ip) => ({ type: 7 as const, ip })),
      ];
      const issued = await generate([{ name: 'commonName', value: names[0] ?? addresses[0] ?? 'client' }], {
        ...EC,
        ca: { key, cert },
        ...(notBefore === undefined ? {} : { notBeforeDate: notBefore }),
        ...(notAfter === undefined ? {} : { notAfterDate: notAfter }),
        extensions: [
          { name: 'basicConstraints', cA: false },
          ...(altNames.length === 0 ? [] : [{ name: 'subjectAltName' as const, altNames }]),
        ],
      });
      return { certificate: issued.cert, key: issued.private };
    },
  };
}
