import type { FakeAnswer, SeenRequest } from './fake-vault.js';

interface Version {
  data: Record<string, unknown>;
  createdTime: string;
  deleted: boolean;
  destroyed: boolean;
}

interface Secret {
  versions: Map<number, Version>;
  current: number;
  custom: Record<string, string> | null;
  maxVersions: number;
  deleteVersionAfter: string;
  metadataVersion: number;
}

/** What the mount keeps where the secret's own metadata says nothing. */
const MOUNT_MAX_VERSIONS = 10;

const refusal = (text: string): FakeAnswer => ({ status: 400, body: { errors: [text] } });
const absent: FakeAnswer = { status: 404, body: { errors: [] } };

/** A KV v2 mount: `data/` with check-and-set, `metadata/`, deletion, and pruning, as OpenBao 2.7 answered. */
export function createFakeKv2() {
  const secrets = new Map<string, Secret>();

  function secretAt(path: string): Secret {
    const none = { versions: new Map(), current: 0, custom: null, maxVersions: 0, deleteVersionAfter: '0s' };
    const secret = secrets.get(path) ?? { ...none, metadataVersion: 0 };
    secrets.set(path, secret);
    return secret;
  }

  function write(path: string, data: Record<string, unknown>): Secret {
    const secret = secretAt(path);
    secret.current += 1;
    const createdTime = new Date(Date.UTC(2029, 0, secret.current)).toISOString();
    secret.versions.set(secret.current, { data, createdTime, deleted: false, destroyed: false });
    const last = secret.current - (secret.maxVersions || MOUNT_MAX_VERSIONS);
    for (const number of secret.versions.keys()) if (number <= last) secret.versions.delete(number);
    return secret;
  }

  function describeVersion(secret: Secret, number: number, { createdTime, deleted, destroyed }: Version) {
    const deletion_time = deleted ? '2029-06-01T00:00:00Z' : '';
    return { version: number, created_time: createdTime, deletion_time, destroyed, custom_metadata: secret.custom };
  }

  function readData(path: string, query: URLSearchParams): FakeAnswer {
    const secret = secrets.get(path);
    // Version 0 is the current one.
    const number = Number(query.get('version')) || (secret?.current ?? 0);
    const version = secret?.versions.get(number);
    if (secret === undefined || version === undefined) return absent;
    const metadata = describeVersion(secret, number, version);
    return version.deleted || version.destroyed
      ? { status: 404, body: { request_id: 'req-1', data: { data: null, metadata } } }
      : { status: 200, body: { request_id: 'req-1', data: { data: version.data, metadata } } };
  }

  function writeData(path: string, { data, options }: Record<string, unknown>): FakeAnswer {
    if (typeof data !== 'object' || data === null) return refusal('no data provided');
    const { cas } = (options ?? {}) as { cas?: unknown };
    if (cas !== undefined && typeof cas !== 'number') return refusal('error parsing check-and-set parameter');
    if (cas !== undefined && cas !== (secrets.get(path)?.current ?? 0)) {
      return refusal('check-and-set parameter did not match the current version');
    }
    const secret = write(path, data as Record<string, unknown>);
    const version = secret.versions.get(secret.current) as Version;
    return { status: 200, body: { request_id: 'req-2', data: describeVersion(secret, secret.current, version) } };
  }

  function readMetadata(path: string): FakeAnswer {
    const secret = secrets.get(path);
    if (secret === undefined) return absent;
    const data = {
      cas_required: false,
      current_version: secret.current,
      custom_metadata: secret.custom,
      max_versions: secret.maxVersions,
      delete_version_after: secret.deleteVersionAfter,
      ...(kv2.hasMetadataCas ? { current_metadata_version: secret.metadataVersion } : {}),
    };
    return { status: 200, body: { data } };
  }

  /** Fields that are not sent stay; `custom_metadata` is replaced as a whole. */
  function writeMetadata(path: string, body: Record<string, unknown>): FakeAnswer {
    const { custom_metadata, max_versions, delete_version_after, metadata_cas } = body;
    const custom = Object.entries((custom_metadata ?? {}) as Record<string, unknown>);
    if (custom.length > 64) return refusal('custom_metadata validation failed: too many keys');
    const isShort = (text: unknown, most: number) => typeof text === 'string' && Buffer.byteLength(text) <= most;
    if (!custom.every(([key, text]) => isShort(key, 128) && isShort(text, 512))) {
      return refusal('custom_metadata validation failed: length or type');
    }
    const secret = secretAt(path);
    if (kv2.hasMetadataCas && metadata_cas !== undefined && metadata_cas !== secret.metadataVersion) {
      return refusal('metadata check-and-set parameter does not match the current version');
    }
    if (custom_metadata !== undefined) secret.custom = Object.fromEntries(custom) as Record<string, string>;
    if (typeof max_versions === 'number') secret.maxVersions = max_versions;
    if (typeof delete_version_after === 'string') secret.deleteVersionAfter = delete_version_after;
    secret.metadataVersion += 1;
    return { status: 204 };
  }

  const kv2 = {
    /** OpenBao has compare-and-swap of metadata, HashiCorp Vault has not. */
    hasMetadataCas: true,
    write,
    /** The current version, softly. */
    delete(path: string) {
      const secret = secretAt(path);
      const version = secret.versions.get(secret.current);
      if (version !== undefined) version.deleted = true;
    },
    destroy(path: string, number: number) {
      const version = secretAt(path).versions.get(number);
      if (version !== undefined) Object.assign(version, { data: {}, destroyed: true });
    },
    annotate: (path: string, body: Record<string, unknown>) => writeMetadata(path, body),
    /** For expectations. */
    state: (path: string) => secrets.get(path),
    /** @param path below the mount */
    answer(path: string, query: URLSearchParams, { method, body }: SeenRequest): FakeAnswer | undefined {
      const [, kind, name = ''] = /^(data|metadata)\/(.+)$/.exec(path) ?? [];
      if (kind === 'data') return method === 'GET' ? readData(name, query) : writeData(name, body);
      if (kind === 'metadata') return method === 'GET' ? readMetadata(name) : writeMetadata(name, body);
      return undefined;
    },
  };
  return kv2;
}
