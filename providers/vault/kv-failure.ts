import type { ImsvaultError } from '../../src/errors.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { orLeaveOutV1 } from './address.js';
import { answerError, unavailable } from './answer-error.js';
import type { VaultClient } from './client.js';
import { isAbsent, notFound } from './not-found.js';
import { type KvVersion, policyPath, type VaultRef } from './paths.js';
import type { VaultAnswer } from './transport.js';

/** What all calls of the KV engine share. */
export interface KvParts {
  client: VaultClient;
  context: ProviderContext;
  describe: (ref: VaultRef) => string;
}

/** An answer of the KV engine that is no success. */
export function kvFailure(
  answer: VaultAnswer,
  ref: VaultRef,
  version: KvVersion,
  { client, context, describe }: KvParts,
): ImsvaultError {
  if (answer.status === 403) return denied(answer, describe(ref), policyPath(ref, version), ['read'], client.address);
  if (isAbsent(answer)) return notFound(answer, ref, describe(ref), version, client.address);
  return unavailable(answer, describe(ref), context.clock.now());
}

/** @param path as a policy names it */
export function denied(
  answer: VaultAnswer,
  place: string,
  path: string,
  capabilities: readonly string[],
  address: string,
): ImsvaultError {
  const list = capabilities.map((capability) => `"${capability}"`).join(', ');
  return answerError(
    'ERR_SECRET_ACCESS_DENIED',
    `${place}: the server denies it (403)`,
    `The login has lapsed, or its policy lacks: path "${path}" { capabilities = [${list}] }. Check mount, path and namespace too${orLeaveOutV1(address)}.`,
    answer,
  );
}
