import { createHmac, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, redact } from '../../src/redacted.js';
import type { ProviderContext, SecretVersion } from '../../src/secret/provider.js';
import { orLeaveOutV1 } from './address.js';
import { answerError, serverTime, unavailable } from './answer-error.js';
import type { VaultClient } from './client.js';
import { deletedVersion, isAbsent, notFound } from './not-found.js';
import { apiPath, encodePath, type KvVersion, policyPath, type VaultRef } from './paths.js';
import type { VaultAnswer } from './transport.js';

const kv1Answer = z.object({ data: z.record(z.string(), z.unknown()) });
const kv2Answer = z.object({
  data: z.object({
    data: z.record(z.string(), z.unknown()),
    metadata: z.object({ version: z.number(), created_time: z.string().optional() }),
  }),
});
const mountAnswer = z.object({
  data: z.object({ type: z.string(), options: z.object({ version: z.string().optional() }).nullish() }),
});

export interface KvReader {
  /** @throws ERR_SECRET_NOT_FOUND | ERR_SECRET_ACCESS_DENIED | ERR_SECRET_MALFORMED | ERR_SECRET_UNAVAILABLE */
  read(ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined): Promise<SecretVersion>;
}

export function createKvReader(
  client: VaultClient,
  context: ProviderContext,
  describe: (ref: VaultRef) => string,
): KvReader {
  /** Mount → version, for the provider's life. */
  const versions = new Map<string, KvVersion>();
  // A version id is no secret, so it must not be a hash that a guess could be checked against.
  const key = randomBytes(32);

  async function read(ref: VaultRef, token: Redacted<string>, signal: AbortSignal | undefined): Promise<SecretVersion> {
    const ask = (version: KvVersion) => client.call(apiPath(ref, version), { token, signal });
    const known = (ref.kvVersion as KvVersion | undefined) ?? versions.get(ref.mount);
    if (known !== undefined) return known === 1 ? fromKv1(await ask(1), ref) : fromKv2(await ask(2), ref);

    // Version 2 is asked for at once: where it is one, finding that out costs no request of its own.
    const second = await ask(2);
    if (isKv2(second)) versions.set(ref.mount, 2);
    else if (second.status !== 403 && !isAbsent(second) && second.status !== 200) return fromKv2(second, ref);
    else {
      const found = await mountVersion(ref, token, signal);
      if (found === undefined) return either(second, await ask(1), ref);
      versions.set(ref.mount, found);
      if (found === 1) return fromKv1(await ask(1), ref);
    }
    return fromKv2(second, ref);
  }

  /** @returns undefined when the token may not know, or the mount does not exist: the server does not tell which */
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

  /** Neither the mount's version nor, by a denied answer, the secret's absence is known here. */
  function either(second: VaultAnswer, first: VaultAnswer, ref: VaultRef): SecretVersion {
    if (first.status === 200) {
      versions.set(ref.mount, 1);
      return fromKv1(first, ref);
    }
    if (second.status === 403 && first.status === 403) throw denied(second, ref, 2);
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
    if (answer.status !== 200) throw failed(answer, ref, 2);
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
    if (answer.status !== 200) throw failed(answer, ref, 1);
    const parsed = kv1Answer.safeParse(answer.body);
    if (!parsed.success) throw unavailable(answer, describe(ref), context.clock.now());
    const text = JSON.stringify(parsed.data.data);
    return {
      ...versionOf(parsed.data.data, answer),
      id: createHmac('sha256', key).update(text).digest('base64url').slice(0, 16),
    };
  }

  function failed(answer: VaultAnswer, ref: VaultRef, version: KvVersion): ImsvaultError {
    if (answer.status === 403) return denied(answer, ref, version);
    if (isAbsent(answer)) return notFound(answer, ref, describe(ref), version, client.address);
    return unavailable(answer, describe(ref), context.clock.now());
  }

  function denied(answer: VaultAnswer, ref: VaultRef, version: KvVersion): ImsvaultError {
    const path = policyPath(ref, version);
    return answerError(
      'ERR_SECRET_ACCESS_DENIED',
      `${describe(ref)}: the server denies it (403)`,
      `The login has lapsed, or its policy lacks: path "${path}" { capabilities = ["read"] }. Check mount, path and namespace too${orLeaveOutV1(client.address)}.`,
      answer,
    );
  }

  return { read };
}

function versionOf(data: Readonly<Record<string, unknown>>, answer: VaultAnswer) {
  const time = serverTime(answer);
  return { value: redact(JSON.stringify(data)), ...(time === undefined ? {} : { serverTime: time }) };
}

/** A deleted version too shows that the mount keeps versions. */
function isKv2(answer: VaultAnswer): boolean {
  return answer.status === 200
    ? kv2Answer.safeParse(answer.body).success
    : answer.status === 404 && deletedVersion(answer) !== undefined;
}
