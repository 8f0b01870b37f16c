import { createHash } from 'node:crypto';
import type { SecretProperties } from '@azure/keyvault-secrets';
import type { ElectedEntry, ElectionEntry } from '../../src/secret/provider.js';

const SUFFIX = '-claim';
const MAX_NAME = 127;

/** The secret beside `name` that holds its claims: `<name>-claim`; too long a name is cut, and told apart by its hash. */
export function claimNameOf(name: string): string {
  if (name.length + SUFFIX.length <= MAX_NAME) return name + SUFFIX;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, MAX_NAME - SUFFIX.length - hash.length - 1)}-${hash}${SUFFIX}`;
}

type Tags = Record<string, string>;

/** Durations in seconds. */
export function tagsOf({ generation, id, ttlMs, failure }: ElectionEntry): Tags {
  return {
    generation: String(generation),
    id,
    ttl: seconds(ttlMs),
    ...(failure === undefined
      ? {}
      : {
          'failure-claim-id': failure.claimId,
          'failure-code': failure.code,
          'failure-retry-after': seconds(failure.retryAfterMs),
          'failure-count': String(failure.count),
          ...(failure.credentialVersion === undefined
            ? {}
            : { 'failure-credential-version': failure.credentialVersion }),
        }),
  };
}

const seconds = (ms: number) => String(Math.ceil(ms) / 1000);

/** Bounds of the token document: what somebody else wrote must not hold renewals up for longer. */
const MAX_TTL_MS = 120_000;
const MAX_RETRY_AFTER_MS = 300_000;

/** @returns undefined for a version that is no entry, or a malformed one */
export function entryOf({ version, createdOn, tags = {} }: SecretProperties): ElectedEntry | undefined {
  const generation = wholeNumber(tags['generation']);
  const id = identifier(tags['id']);
  const ttlMs = milliseconds(tags['ttl']);
  if (version === undefined || createdOn === undefined) return undefined;
  if (generation === undefined || id === undefined || ttlMs === undefined || ttlMs > MAX_TTL_MS) return undefined;
  const entry = { generation, id, ttlMs, createdAt: createdOn.getTime(), versionId: version };
  if (!Object.keys(tags).some((name) => name.startsWith('failure-'))) return entry;
  const failure = failureOf(tags);
  return failure === undefined ? undefined : { ...entry, failure };
}

function failureOf(tags: Tags): ElectionEntry['failure'] {
  const claimId = identifier(tags['failure-claim-id']);
  const code = identifier(tags['failure-code']);
  const retryAfterMs = milliseconds(tags['failure-retry-after']);
  const count = wholeNumber(tags['failure-count']);
  if (claimId === undefined || code === undefined || retryAfterMs === undefined || !count) return undefined;
  const failure = { claimId, code, retryAfterMs: Math.min(retryAfterMs, MAX_RETRY_AFTER_MS), count };
  const credentialVersion = identifier(tags['failure-credential-version']);
  return credentialVersion === undefined ? failure : { ...failure, credentialVersion };
}

function identifier(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w.-]{1,100}$/.test(text) ? text : undefined;
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function milliseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : undefined;
}
