import * as z from 'zod';
import { untilAborted } from '../../src/deadline.js';
import { type Redacted, redact, reveal } from '../../src/redacted.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { readSecretFile } from '../../src/secret/secret-file.js';
import { answerError, unavailable } from './answer-error.js';
import type { VaultClient } from './client.js';
import { checkedToken } from './grant.js';
import type { VaultAuthOf } from './options.js';

const unwrapped = z.object({ data: z.object({ secret_id: z.string().min(1) }) });

/**
 * The secret id at each login. A wrapping token works once, so what was in it is kept in memory, and a new wrapping
 * token in the file is unwrapped when it is first seen.
 */
export function createSecretIdSource(
  auth: VaultAuthOf<'approle'>,
  client: VaultClient,
  context: ProviderContext,
): (signal: AbortSignal | undefined) => Promise<Redacted<string> | undefined> {
  const option = auth.secretId === undefined ? 'auth.secretIdFile' : 'auth.secretId';
  const read = async () =>
    auth.secretId ??
    (auth.secretIdFile === undefined ? undefined : readSecretFile(auth.secretIdFile, context.baseDir, option));
  if (!auth.secretIdWrapped) return read;

  let last: { wrappingToken: string; secretId: Promise<Redacted<string>> } | undefined;

  /** Without a signal: the answer to a request that nobody waits for any more would be lost, and the secret id with it. */
  async function unwrap(wrappingToken: Redacted<string>): Promise<Redacted<string>> {
    const answer = await client.call('sys/wrapping/unwrap', { token: wrappingToken, body: {} });
    const place = `${client.host}: the wrapping token of ${option}`;
    if (answer.status === 400 || answer.status === 403 || answer.status === 404) {
      throw answerError(
        'ERR_SECRET_ACCESS_DENIED',
        `${place} was already used by somebody, or has expired (${answer.status})`,
        'If its time is not up, treat it as a security event: somebody else has the secret id. Destroy that secret id and wrap a new one.',
        answer,
      );
    }
    if (answer.status !== 200) throw unavailable(answer, place, context.clock.now());
    const parsed = unwrapped.safeParse(answer.body);
    if (!parsed.success) {
      throw answerError(
        'ERR_SECRET_MALFORMED',
        `${place} held no secret id`,
        'Wrap the answer of auth/approle/role/<role>/secret-id.',
        answer,
      );
    }
    return redact(parsed.data.data.secret_id);
  }

  return async (signal) => {
    const wrapped = await read();
    if (wrapped === undefined) return undefined;
    const token = checkedToken(wrapped, option);
    const wrappingToken = reveal(token);
    if (last?.wrappingToken !== wrappingToken) {
      const secretId = unwrap(token);
      const attempt = { wrappingToken, secretId };
      last = attempt;
      secretId.catch(() => {
        if (last === attempt) last = undefined;
      });
    }
    return untilAborted(last.secretId, signal);
  };
}
