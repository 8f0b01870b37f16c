import * as z from 'zod';
import type { ImsvaultError } from '../../src/errors.js';
import { orLeaveOutV1 } from './address.js';
import { answerError, isUnserved } from './answer-error.js';
import type { KvVersion, VaultRef } from './paths.js';
import type { VaultAnswer } from './transport.js';

const deletedAnswer = z.object({ data: z.object({ metadata: z.object({ version: z.number() }) }) });
const warningsAnswer = z.object({ warnings: z.array(z.string()) });
const errorsAnswer = z.object({ errors: z.array(z.string()) });
const absentAnswer = z.union([errorsAnswer, deletedAnswer, warningsAnswer]);

/** A 404 by a Vault server: anybody's on the way, a proxy's page for one, says nothing about the secret. */
export function isAbsent({ status, body }: VaultAnswer): boolean {
  return status === 404 && absentAnswer.safeParse(body).success;
}

/** The number of the version that a 404 is about, where that was deleted or destroyed. */
export function deletedVersion({ body }: VaultAnswer): number | undefined {
  return deletedAnswer.safeParse(body).data?.data.metadata.version;
}

/** @param place the secret, for the error's text */
export function notFound(
  answer: VaultAnswer,
  ref: VaultRef,
  place: string,
  version: KvVersion,
  address: string,
): ImsvaultError {
  const [message, hint] = reason(answer, ref, version, address);
  return answerError('ERR_SECRET_NOT_FOUND', `${place}: ${message}`, hint, answer);
}

function reason(
  answer: VaultAnswer,
  { mount, path, version: number }: VaultRef,
  kv: KvVersion,
  address: string,
): [string, string] {
  if (isUnserved(answer)) {
    return [
      `nothing is mounted at ${mount}/`,
      `Check mount and namespace; \`vault secrets list\` shows the mounts${orLeaveOutV1(address)}.`,
    ];
  }
  const deleted = deletedVersion(answer);
  if (deleted !== undefined) {
    return [`version ${deleted} is deleted`, 'Write a new version, or bring it back: `vault kv undelete`.'];
  }
  const warnings = warningsAnswer.safeParse(answer.body).data?.warnings ?? [];
  if (kv === 1 && warnings.some((text) => text.includes('versioned K/V'))) {
    return ['its mount is of KV version 2', 'Set kvVersion to 2, or leave it out.'];
  }
  if (number === undefined) return ['there is no such secret', pathHint(mount, path)];
  const versionHint = 'Check version: `vault kv metadata get` lists those there are.';
  return [`there is no version ${number} of it`, `${versionHint} ${pathHint(mount, path)}`];
}

function pathHint(mount: string, path: string): string {
  if (path.startsWith('data/')) return 'Leave "data/" out of path: it is added where the mount needs it.';
  if (path.startsWith(`${mount}/`)) return `Leave "${mount}/" out of path: the mount option says it already.`;
  return 'Check mount, path and namespace; both are case-sensitive.';
}
