import type { VaultOptions } from './options.js';

/** Which secret. */
export type VaultRef = Pick<VaultOptions, 'mount' | 'path' | 'version' | 'maxVersions' | 'deleteVersionAfter'>;

export type KvVersion = 1 | 2;

/** Each segment encoded: a "?" or "#" in a name is part of it. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** Below `/v1/`. */
export function apiPath(ref: VaultRef, version: KvVersion): string {
  const query = version === 2 && ref.version !== undefined ? `?version=${ref.version}` : '';
  return encodePath(policyPath(ref, version)) + query;
}

/** As a policy names it. */
export function policyPath({ mount, path }: VaultRef, version: KvVersion): string {
  return version === 2 ? `${mount}/data/${path}` : `${mount}/${path}`;
}

/** As a policy names it, and unencoded. */
export function metadataPath({ mount, path }: VaultRef): string {
  return `${mount}/metadata/${path}`;
}
