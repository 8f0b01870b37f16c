import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/clock.js';

/** As the REST API shows them: times are Unix seconds. */
export interface SecretAttributes {
  enabled: boolean;
  created: number;
  updated: number;
  exp?: number;
  nbf?: number;
}

export interface StoredVersion {
  version: string;
  value: string;
  contentType?: string;
  tags?: Record<string, string>;
  attributes: SecretAttributes;
}

/** What a write may set. */
export interface SecretChange {
  contentType?: string;
  tags?: Record<string, string>;
  attributes?: Partial<SecretAttributes>;
}

/** The secrets of one vault, with soft delete. */
export interface SecretStore {
  /** Oldest first; empty where there is no such secret. */
  versions(name: string): readonly StoredVersion[];
  names(): string[];
  isDeleted(name: string): boolean;
  add(name: string, value: string, change: SecretChange): StoredVersion;
  update(version: StoredVersion, change: SecretChange): void;
  /** Soft: the name stays taken. False where there is nothing to do; so for the next two. */
  remove(name: string): boolean;
  recover(name: string): boolean;
  purge(name: string): boolean;
}

export function createSecretStore(clock: Clock): SecretStore {
  const live = new Map<string, StoredVersion[]>();
  const deleted = new Map<string, StoredVersion[]>();
  const now = () => Math.floor(clock.now() / 1000);

  function move(name: string, from: Map<string, StoredVersion[]>, to?: Map<string, StoredVersion[]>): boolean {
    const versions = from.get(name);
    if (versions === undefined) return false;
    from.delete(name);
    to?.set(name, versions);
    return true;
  }

  return {
    versions: (name) => live.get(name) ?? [],
    names: () => [...live.keys()],
    isDeleted: (name) => deleted.has(name),
    add(name, value, { attributes, ...rest }) {
      const stored: StoredVersion = {
        version: randomBytes(16).toString('hex'),
        value,
        ...rest,
        attributes: { enabled: true, ...attributes, created: now(), updated: now() },
      };
      live.set(name, [...(live.get(name) ?? []), stored]);
      return stored;
    },
    update(version, { attributes, ...rest }) {
      const { created } = version.attributes;
      Object.assign(version, rest);
      version.attributes = { ...version.attributes, ...attributes, created, updated: now() };
    },
    remove: (name) => move(name, live, deleted),
    recover: (name) => move(name, deleted, live),
    purge: (name) => move(name, deleted),
  };
}
