import type { ImsvaultError } from '../../src/errors.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { orLeaveOutV1 } from './address.js';
import { answerError, isRefusal, isTooLarge, unavailable } from './answer-error.js';
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

/** What a policy must say. */
export interface KvRight {
  /** As a policy names it. */
  path: string;
  capabilities: readonly string[];
}

/**
 * An answer of the KV engine that is no success.
 * @param right for the hint; default: to read the secret
 */
export function kvFailure(
  answer: VaultAnswer,
  ref: VaultRef,
  version: KvVersion,
  { client, context, describe }: KvParts,
  { path, capabilities }: KvRight = { path: policyPath(ref, version), capabilities: ['read'] },
): ImsvaultError {
  const place = describe(ref);
  if (answer.status === 403) {
    const list = capabilities.map((capability) => `"${capability}"`).join(', ');
    return answerError(
      'ERR_SECRET_ACCESS_DENIED',
      `${place}: the server denies it (403)`,
      `The login has lapsed, or its policy lacks: path "${path}" { capabilities = [${list}] }. Check mount, path and namespace too${orLeaveOutV1(client.address)}.`,
      answer,
    );
  }
  if (isAbsent(answer)) return notFound(answer, ref, place, version, client.address);
  if (isTooLarge(answer)) {
    const message = `${place}: the server refuses the value, it is too large (${answer.status})`;
    return answerError('ERR_SECRET_MALFORMED', message, undefined, answer);
  }
  if (isRefusal(answer)) {
    const message = `${place}: the server refuses the request (400)`;
    return answerError('ERR_SECRET_MALFORMED', message, "The server's own log says why.", answer);
  }
  return unavailable(answer, place, context.clock.now());
}
