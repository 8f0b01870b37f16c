import { generate } from 'selfsigned';

export interface KeyPair {
  /** PEM. */
  certificate: string;
  /** PEM. */
  key: string;
}

/** For a server at 127.0.0.1 and localhost; it is its own authority. */
export async function createServerCertificate(): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { certificate: cert, key };
}

/** For an application; Entra takes RSA keys only. */
export async function createClientCertificate(commonName: string): Promise<KeyPair> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], { algorithm: 'sha256' });
  return { certificate: cert, key };
}
