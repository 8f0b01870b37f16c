import type { StoredVersion } from './secret-store.js';
import type { StandInReply } from './stand-in-server.js';

/** Key Vault's error body. */
export function errorReply(status: number, code: string, message: string, innerCode?: string): StandInReply {
  const innererror = innerCode === undefined ? {} : { innererror: { code: innerCode } };
  return { status, json: { error: { code, message, ...innererror } } };
}

/** A version without its value, as lists show it. */
export function itemOf(vaultUrl: string, name: string, { version, value: _value, attributes, ...rest }: StoredVersion) {
  return {
    id: `${vaultUrl}/secrets/${name}/${version}`,
    ...rest,
    attributes: { ...attributes, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 },
  };
}

export function bundleOf(vaultUrl: string, name: string, version: StoredVersion) {
  return { ...itemOf(vaultUrl, name, version), value: version.value };
}

export function deletedOf(vaultUrl: string, name: string) {
  return { recoveryId: `${vaultUrl}/deletedsecrets/${name}`, id: `${vaultUrl}/secrets/${name}` };
}
