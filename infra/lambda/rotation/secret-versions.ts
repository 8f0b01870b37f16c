import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { ImsvaultError } from '../../../src/errors.js';
import { type Redacted, redact, reveal } from '../../../src/redacted.js';

export interface StagedVersion {
  id: string;
  value: Redacted<string>;
}

/** The versions of one secret. Every call throws the SDK's errors where nothing else is said. */
export interface SecretVersions {
  /** The labels of a version; none where there is no such version. */
  stagesOf(id: string): Promise<readonly string[]>;
  /** @returns undefined where there is no such version, or it has no value yet */
  read(id: string): Promise<StagedVersion | undefined>;
  /** @throws ERR_SECRET_NOT_FOUND where nothing was put yet */
  current(): Promise<StagedVersion>;
  /**
   * Writes a version under one label. The same again does nothing.
   * @param id a UUID
   * @returns false where that version has another value already
   */
  put(id: string, value: Redacted<string>, stage: string): Promise<boolean>;
  /** Makes `to` the current version, if `from` still is. */
  makeCurrent(to: string, from: string): Promise<void>;
}

export function createSecretVersions(client: SecretsManagerClient, SecretId: string): SecretVersions {
  async function read(which: { VersionId: string } | { VersionStage: string }): Promise<StagedVersion | undefined> {
    try {
      const { VersionId, SecretString } = await client.send(new GetSecretValueCommand({ SecretId, ...which }));
      if (VersionId === undefined || SecretString === undefined) return undefined;
      return { id: VersionId, value: redact(SecretString) };
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  }

  return {
    read: (VersionId) => read({ VersionId }),
    async current() {
      const version = await read({ VersionStage: 'AWSCURRENT' });
      if (version !== undefined) return version;
      throw new ImsvaultError('ERR_SECRET_NOT_FOUND', `${SecretId} holds no credential yet`, {
        hint: 'Put {"client_id": "…", "client_secret": "…"} there as text, and rotate then.',
      });
    },
    async stagesOf(id) {
      const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId }));
      return VersionIdsToStages[id] ?? [];
    },
    async put(id, value, stage) {
      const version = { ClientRequestToken: id, SecretString: reveal(value), VersionStages: [stage] };
      try {
        await client.send(new PutSecretValueCommand({ SecretId, ...version }));
        return true;
      } catch (error) {
        if (error instanceof ResourceExistsException) return false;
        throw error;
      }
    },
    async makeCurrent(to, from) {
      const move = { VersionStage: 'AWSCURRENT', MoveToVersionId: to, RemoveFromVersionId: from };
      await client.send(new UpdateSecretVersionStageCommand({ SecretId, ...move }));
    },
  };
}
