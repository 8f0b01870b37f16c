import { ImsvaultError } from '../../src/errors.js';
import { parseJsonObject } from '../../src/json.js';
import { type Redacted, reveal } from '../../src/redacted.js';
import { answerCause, answerError, isUnserved, unavailable } from './answer-error.js';
import type { KvReader } from './kv.js';
import { kv2Answer, kv2Written } from './kv-answer.js';
import { type KvParts, kvFailure } from './kv-failure.js';
import type { KvVersions } from './kv-version.js';
import { deletedVersion, isAbsent, notFound } from './not-found.js';
import { apiPath, type KvVersion, policyPath, type VaultRef } from './paths.js';
import type { VaultAnswer } from './transport.js';

export interface KvWrite {
  ref: VaultRef;
  value: Redacted<string>;
  /** Make the secret where there is none. */
  create: boolean;
  token: Redacted<string>;
  signal: AbortSignal | undefined;
}

export interface KvWriter {
  /** Version 2: by `options.cas`. */
  replace(write: KvWrite, expected: string | null): Promise<{ id: string }>;
  /** Version 1: whatever is there. */
  put(write: KvWrite): Promise<{ id: string }>;
}

/**
 * @param contentId the id that a read gives, of version 1
 * @throws ERR_SECRET_VERSION_CONFLICT | ERR_SECRET_NOT_FOUND | ERR_SECRET_ACCESS_DENIED | ERR_SECRET_MALFORMED | ERR_SECRET_UNAVAILABLE
 */
export function createKvWriter(parts: KvParts, versions: KvVersions, contentId: KvReader['contentId']): KvWriter {
  const { client, context, describe } = parts;

  /** What a compare-and-swap would meet now. */
  async function look({ ref, token, signal }: KvWrite): Promise<State> {
    const answer = await client.call(apiPath(ref, 2), { token, signal });
    if (answer.status === 200) {
      const parsed = kv2Answer.safeParse(answer.body);
      if (!parsed.success) throw unavailable(answer, describe(ref), context.clock.now());
      const { version } = parsed.data.data.metadata;
      return { current: String(version), newest: version, answer };
    }
    if (!isAbsent(answer)) throw failure(answer, ref, 2);
    return { current: null, newest: deletedVersion(answer) ?? 0, answer };
  }

  function failure(answer: VaultAnswer, ref: VaultRef, version: KvVersion): ImsvaultError {
    const right = { path: policyPath(ref, version), capabilities: ['create', 'update', 'read'] };
    return kvFailure(answer, ref, version, parts, right);
  }

  function conflict(ref: VaultRef, answer?: VaultAnswer): ImsvaultError {
    return new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', `${describe(ref)}: another version has become current`, {
      ...(answer === undefined ? {} : { cause: answerCause(answer) }),
    });
  }

  /** A write in the form of version 2 succeeds on version 1 too, so the mount must be known first. */
  async function demandKv2({ ref, token, signal }: KvWrite): Promise<void> {
    let version = versions.known(ref);
    if (version === undefined) {
      const found = await versions.find(ref, token, signal);
      if (found.version === undefined) throw unknownVersion(ref, found.second);
      version = found.version;
    }
    if (version === 1) throw notKv2(ref);
  }

  function unknownVersion(ref: VaultRef, answer: VaultAnswer): ImsvaultError {
    if (isUnserved(answer)) return notFound(answer, ref, describe(ref), 2, client.address);
    const message = `${describe(ref)}: this login may not know the mount's KV version, which decides how to write`;
    return answerError('ERR_SECRET_ACCESS_DENIED', message, 'Set kvVersion to 1 or 2.', answer);
  }

  function notKv2(ref: VaultRef): ImsvaultError {
    return new ImsvaultError('ERR_SECRET_MALFORMED', `${describe(ref)}: its mount is of KV version 1`, {
      hint: 'Set kvVersion to 1: it is then written without a check of the version, and the last writer wins. Better, use a mount of version 2.',
    });
  }

  /** No error of a parser's: it would quote the value. */
  function contentOf({ ref, value }: KvWrite): Readonly<Record<string, unknown>> {
    if (ref.version !== undefined) {
      throw new ImsvaultError('ERR_SECRET_MALFORMED', `${describe(ref)}: one version cannot be written`, {
        hint: 'Leave out version: what is written becomes the current one.',
      });
    }
    const data = parseJsonObject(reveal(value));
    if (data !== undefined) return data;
    throw new ImsvaultError('ERR_SECRET_MALFORMED', `${describe(ref)}: the KV engine holds JSON objects only`);
  }

  return {
    async replace(write, expected) {
      const { ref, create, token, signal } = write;
      const data = contentOf(write);
      await demandKv2(write);
      let cas = Number(expected);
      if (expected === null) {
        const { current, newest, answer } = await look(write);
        if (current !== null) throw conflict(ref, answer);
        if (newest === 0 && !create) throw failure(answer, ref, 2);
        // Deleted is not absent: its successor is written on condition of its number.
        cas = newest;
      } else if (!Number.isSafeInteger(cas) || cas < 1) {
        // An id of another kind of store or mount was never one of this secret's.
        throw conflict(ref);
      }

      const answer = await client.call(apiPath(ref, 2), { token, signal, body: { data, options: { cas } } });
      if (answer.status === 200) {
        const written = kv2Written.safeParse(answer.body);
        if (!written.success) throw unavailable(answer, describe(ref), context.clock.now());
        return { id: String(written.data.data.version) };
      }
      // A mount of version 1 takes any body, and keeps it under another name.
      if (answer.status === 204) throw notKv2(ref);
      // A mismatch is 400, and so are other refusals: only looking tells.
      if (answer.status === 400) {
        const { newest } = await look(write);
        if (newest !== cas) throw conflict(ref, answer);
      }
      throw failure(answer, ref, 2);
    },
    async put(write) {
      const { ref, token, signal, create } = write;
      const data = contentOf(write);
      const path = apiPath(ref, 1);
      if (!create) {
        const answer = await client.call(path, { token, signal });
        if (answer.status !== 200) throw failure(answer, ref, 1);
      }
      const answer = await client.call(path, { token, signal, body: data });
      if (answer.status !== 204 && answer.status !== 200) throw failure(answer, ref, 1);
      return { id: contentId(data) };
    },
  };
}

interface State {
  /** The current version; null: there is none. */
  current: string | null;
  /** The last version that there was, deleted or not; 0: none ever. */
  newest: number;
  answer: VaultAnswer;
}
