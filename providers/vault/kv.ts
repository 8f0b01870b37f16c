import { createHmac, randomBytes } from 'node:crypto';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, redact } from '../../src/redacted.js';
import type { SecretVersion } from '../../src/secret/provider.js';
import { answerError, serverTime, unavailable } from './answer-error.js';
import { kv1Answer, kv2Answer } from './kv-answer.js';
import { type KvParts, kvFailure } from './kv-failure.js';
import type { KvVersions } from './kv-version.js';
import { isAbsent, notFound } from './not-found.js';
import { apiPath, type KvVersion, type VaultRef } from './paths.js';
import type { VaultAnswer } from './transport.js';

export interface KvReader {
  /** @throws ERR_SECRET_NOT_FOUND | ERR_SECRET_ACCESS_DENIED | ERR_SECRET_MALFORMED | ERR_SECRET_UNAVAILABLE */
  read(ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined): Promise<SecretVersion>;
  /** Of version 2, the version before the current one; none where that is gone, or where `ref` names a version. */
  readPrevious(ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined): Promise<SecretVersion[]>;
  /** The id that a read of a version 1 mount gives with this content. */
  contentId(data: Readonly<Record<string, unknown>>): string;
}

export function createKvReader(parts: KvParts, versions: KvVersions): KvReader {
  const { client, context, describe } = parts;
  // A version id is no secret, so it must not be a hash that a guess could be checked against.
  const key = randomBytes(32);

  async function read(ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined): Promise<SecretVersion> {
    const ask = (version: KvVersion) => client.call(apiPath(ref, version), { token, signal });
    const known = versions.known(ref);
    if (known !== undefined) return known === 1 ? fromKv1(await ask(1), ref) : fromKv2(await ask(2), ref);

    const { version, second } = await versions.find(ref, token, signal);
    if (version === undefined) return either(second, await ask(1), ref);
    return version === 1 ? fromKv1(await ask(1), ref) : fromKv2(second, ref);
  }

  async function readPrevious(ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined) {
    if (ref.version !== undefined || versions.known(ref) === 1) return [];
    try {
      const { id } = await read(ref, token, signal);
      if (versions.known(ref) === 1 || id === '1') return [];
      return [await read({ ...ref, version: Number(id) - 1 }, token, signal)];
    } catch (error) {
      if (error instanceof ImsvaultError && error.code === 'ERR_SECRET_NOT_FOUND') return [];
      throw error;
    }
  }

  /** Neither the mount's version nor, by a denied answer, the secret's absence is known here. */
  function either(second: VaultAnswer, first: VaultAnswer, ref: VaultRef): SecretVersion {
    if (first.status === 200) {
      versions.learn(ref, 1);
      return fromKv1(first, ref);
    }
    if (second.status === 403 && first.status === 403) throw kvFailure(second, ref, 2, parts);
    if (isAbsent(second) && isAbsent(first)) throw notFound(second, ref, describe(ref), 2, client.address);
    if (first.status !== 403 && !isAbsent(first)) return fromKv1(first, ref);
    throw answerError(
      'ERR_SECRET_ACCESS_DENIED',
      `${describe(ref)}: this login may not know the mount's KV version, and both ways to read failed (KV 2: ${second.status}, KV 1: ${first.status})`,
      'Set kvVersion to 1 or 2.',
      first,
    );
  }

  function fromKv2(answer: VaultAnswer, ref: VaultRef): SecretVersion {
    if (answer.status !== 200) throw kvFailure(answer, ref, 2, parts);
    const parsed = kv2Answer.safeParse(answer.body);
    if (!parsed.success) throw unavailable(answer, describe(ref), context.clock.now());
    const { data, metadata } = parsed.data.data;
    const createdAt = Date.parse(metadata.created_time ?? '');
    return {
      ...versionOf(data, answer),
      id: String(metadata.version),
      ...(Number.isNaN(createdAt) ? {} : { createdAt }),
    };
  }

  function fromKv1(answer: VaultAnswer, ref: VaultRef): SecretVersion {
    if (ref.version !== undefined) {
      throw new ImsvaultError('ERR_SECRET_MALFORMED', `${describe(ref)}: KV version 1 keeps no versions`, {
        hint: 'Leave out version.',
      });
    }
    if (answer.status !== 200) throw kvFailure(answer, ref, 1, parts);
    const parsed = kv1Answer.safeParse(answer.body);
    if (!parsed.success) throw unavailable(answer, describe(ref), context.clock.now());
    const { data } = parsed.data;
    return { ...versionOf(data, answer), id: contentId(data) };
  }

  function contentId(data: Readonly<Record<string, unknown>>): string {
    const text = JSON.stringify(sorted(data));
    return createHmac('sha256', key).update(text).digest('base64url').slice(0, 16);
  }

  return { read, readPrevious, contentId };
}

/** The server gives keys in an order of its own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, below]) => [name, sorted(below)]));
}

function versionOf(data: Readonly<Record<string, unknown>>, answer: VaultAnswer) {
  const time = serverTime(answer);
  return { value: redact(JSON.stringify(data)), ...(time === undefined ? {} : { serverTime: time }) };
}
