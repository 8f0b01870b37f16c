import type { SecretClient, SecretProperties } from '@azure/keyvault-secrets';
import { ImsvaultError } from '../../src/errors.js';
import { type CallTarget, serverTimeOf, type VaultCall } from './vault-call.js';
import type { VaultAnswer } from './vault-error.js';

export interface VersionList {
  /** Newest first; Key Vault knows whole seconds, within which the order means nothing. */
  versions: SecretProperties[];
  /** The `Date` of the first page: what was written before it is listed. Unix milliseconds. */
  serverTime?: number;
}

/** @returns none where there is no such secret; disabled versions too, and never a value */
export type ListVersions = (name: string, place: string, signal: AbortSignal) => Promise<VersionList>;

/** All pages: Key Vault gives 25 versions at a time, in an order that tells nothing about their age. */
export function createVersionLister(client: SecretClient, call: VaultCall): ListVersions {
  return async (name, place, signal) => {
    const answers: VaultAnswer[] = [];
    const target: CallTarget = { place, permission: 'list', signal, onAnswer: (answer) => void answers.push(answer) };
    const versions: SecretProperties[] = [];
    let pages: AsyncIterator<SecretProperties[]> | undefined;
    const nextPage = () =>
      call(target, (options) => {
        pages ??= client.listPropertiesOfSecretVersions(name, options).byPage();
        return pages.next();
      });
    try {
      for (let page = await nextPage(); page.done !== true; page = await nextPage()) versions.push(...page.value);
    } catch (error) {
      // Key Vault gives an empty list for a secret that is not there; others may say so.
      if (!(error instanceof ImsvaultError && error.code === 'ERR_SECRET_NOT_FOUND')) throw error;
    }
    return { versions: versions.sort((a, b) => createdAt(b) - createdAt(a)), ...serverTimeOf(answers[0]) };
  };
}

/** Unix milliseconds. */
export function createdAt({ createdOn }: SecretProperties): number {
  return createdOn?.getTime() ?? 0;
}
