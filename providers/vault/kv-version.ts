import * as z from 'zod';
import { ImsvaultError } from '../../src/errors.js';
import type { Redacted } from '../../src/redacted.js';
import { unavailable } from './answer-error.js';
import { kv2Answer } from './kv-answer.js';
import { type KvParts, kvFailure } from './kv-failure.js';
import { deletedVersion, isAbsent } from './not-found.js';
import { apiPath, encodePath, type KvVersion, type VaultRef } from './paths.js';
import type { VaultAnswer } from './transport.js';

const mountAnswer = z.object({
  data: z.object({ type: z.string(), options: z.object({ version: z.string().optional() }).nullish() }),
});

export interface FoundVersion {
  /** Undefined when the token may not know, or the mount does not exist: the server does not tell which. */
  version: KvVersion | undefined;
  /** What a read as version 2 gave. */
  second: VaultAnswer;
}

/** The KV version of each mount. */
export interface KvVersions {
  /** What is configured or was found out, by mount. */
  known(ref: VaultRef): KvVersion | undefined;
  learn(ref: VaultRef, version: KvVersion): void;
  /** @throws ERR_SECRET_MALFORMED where the mount is no KV engine; ERR_SECRET_UNAVAILABLE */
  find(ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined): Promise<FoundVersion>;
}

export function createKvVersions(parts: KvParts, configured: KvVersion | undefined): KvVersions {
  const { client, context, describe } = parts;
  /** Mount → version, for the provider's life. */
  const versions = new Map<string, KvVersion>();

  async function mountVersion(
    ref: VaultRef,
    token: Redacted<string>,
    signal: AbortSignal | undefined,
  ): Promise<KvVersion | undefined> {
    const answer = await client.call(`sys/internal/ui/mounts/${encodePath(ref.mount)}`, { token, signal });
    if (answer.status === 403 || isAbsent(answer)) return undefined;
    const parsed = mountAnswer.safeParse(answer.body);
    if (answer.status !== 200 || !parsed.success) throw unavailable(answer, client.host, context.clock.now());
    const { type, options } = parsed.data.data;
    if (type !== 'kv' && type !== 'generic') {
      throw new ImsvaultError('ERR_SECRET_MALFORMED', `${describe(ref)}: its mount is no KV secrets engine`, {
        hint: 'Check mount; `vault secrets list` shows what is mounted where.',
      });
    }
    return options?.version === '2' ? 2 : 1;
  }

  return {
    known: ({ mount }) => configured ?? versions.get(mount),
    learn: ({ mount }, version) => versions.set(mount, version),
    async find(ref, token, signal) {
      // Version 2 is asked for at once: where it is one, finding that out costs no request of its own.
      const second = await client.call(apiPath(ref, 2), { token, signal });
      let version: KvVersion | undefined = 2;
      if (!isKv2(second)) {
        if (second.status !== 403 && second.status !== 200 && !isAbsent(second)) throw kvFailure(second, ref, 2, parts);
        version = await mountVersion(ref, token, signal);
      }
      if (version !== undefined) versions.set(ref.mount, version);
      return { version, second };
    },
  };
}

/** A deleted version too shows that the mount keeps versions. */
function isKv2(answer: VaultAnswer): boolean {
  return answer.status === 200
    ? kv2Answer.safeParse(answer.body).success
    : answer.status === 404 && deletedVersion(answer) !== undefined;
}
