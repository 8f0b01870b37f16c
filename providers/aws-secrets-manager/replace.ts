import { type Clock, sleep } from '../../src/clock.js';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, reveal } from '../../src/redacted.js';
import { fullJitterDelay } from '../../src/retry.js';
import type { Sdk } from './clients.js';
import type { AwsSecretRef } from './options.js';
import { successorId } from './request-token.js';
import type { Session } from './session.js';

/** The one label that writers move besides AWSCURRENT. A new version without a label would become current at once. */
const NEXT = 'IMSVAULT_NEXT';
const CURRENT = 'AWSCURRENT';
/** A version that was decided and not made current for so long has lost its writer. */
const ORPHANED_AFTER_MS = 5000;
/** On top, at random, so that those who wait do not all finish it at once. */
const ORPHANED_SPREAD_MS = 500;
const POLL = { baseDelayMs: 500, maxDelayMs: 2000 };

export interface ReplacerOptions {
  sdk: Sdk;
  session: Session;
  /** ARNs by `secretId`, as far as they are known. */
  arns: Map<string, string>;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
}

type Replace = (
  ref: AwsSecretRef,
  value: Redacted<string>,
  expected: string | null,
  create: boolean,
  signal: AbortSignal,
) => Promise<{ id: string }>;

/**
 * Compare-and-swap out of two rules of the API: a version id never gets another content, and AWSCURRENT is only taken
 * from the version that has it.
 *
 * 1. Decide: PutSecretValue under the id that follows from `expected`. Of several writers one gets it.
 * 2. Make current: UpdateSecretVersionStage from `expected` to that id. Anybody may do this for the writer, and at any
 *    time, because the version after `expected` is settled; waiting first only saves requests.
 *
 * Two writers of the same value are one writer.
 */
export function createReplacer({ sdk, session, arns, clock, random }: ReplacerOptions): Replace {
  const { CreateSecretCommand, DescribeSecretCommand, PutSecretValueCommand, UpdateSecretVersionStageCommand } =
    sdk.secretsManager;
  /** By `secretId`: which version stood still although its successor is there, and since when. It outlives a call. */
  const stalled = new Map<string, { id: string | null; since: number; dueMs: number }>();

  async function lookUp({ secretId }: AwsSecretRef, signal: AbortSignal): Promise<State> {
    const command = new DescribeSecretCommand({ SecretId: secretId });
    const { output } = await session.call({ secretId }, command, signal, 'write');
    if (output.ARN !== undefined) arns.set(secretId, output.ARN);
    const versions = Object.entries(output.VersionIdsToStages ?? {});
    const current = versions.find(([, stages]) => stages.includes(CURRENT))?.[0] ?? null;
    return { arn: output.ARN ?? secretId, current };
  }

  async function create(ref: AwsSecretRef, value: Redacted<string>, signal: AbortSignal): Promise<{ id: string }> {
    const id = successorId(ref.secretId, null);
    const command = new CreateSecretCommand({
      Name: ref.secretId,
      SecretString: reveal(value),
      ClientRequestToken: id,
    });
    try {
      await session.call(ref, command, signal, 'write');
      return { id };
    } catch (error) {
      if (!isVendors(error, 'ResourceExistsException')) throw error;
      const { current } = await lookUp(ref, signal);
      throw current === null ? error : conflict(ref, error);
    }
  }

  /** @throws ERR_SECRET_VERSION_CONFLICT when neither `expected` nor `id` is current */
  async function makeCurrent(
    ref: AwsSecretRef,
    id: string,
    expected: string | null,
    signal: AbortSignal,
  ): Promise<void> {
    const command = new UpdateSecretVersionStageCommand({
      SecretId: ref.secretId,
      VersionStage: CURRENT,
      MoveToVersionId: id,
      ...(expected === null ? {} : { RemoveFromVersionId: expected }),
    });
    try {
      await session.call(ref, command, signal, 'write');
    } catch (error) {
      signal.throwIfAborted();
      // A move that took place cannot be repeated, and its answer may have been lost: only looking tells.
      const state = await lookUp(ref, signal).catch(() => undefined);
      if (state?.current === id) return;
      if (state !== undefined && state.current !== expected) throw conflict(ref, error);
      if (isVendors(error, 'InvalidParameterException')) throw unmoved(ref, error);
      throw error;
    }
  }

  /** Another writer was first: waits until its version is current, and makes it so where that writer does not. */
  async function giveWay(ref: AwsSecretRef, id: string, expected: string | null, signal: AbortSignal): Promise<never> {
    for (let round = 1; ; round++) {
      const { current } = await lookUp(ref, signal);
      if (current !== expected) break;
      const leftMs = stillnessLeftMs(ref, expected);
      if (leftMs <= 0) {
        await makeCurrent(ref, id, expected, signal);
        break;
      }
      await sleep(clock, Math.min(leftMs, fullJitterDelay(POLL, round, 0.5 + random() / 2)), signal);
    }
    stalled.delete(ref.secretId);
    throw conflict(ref);
  }

  function stillnessLeftMs({ secretId }: AwsSecretRef, id: string | null): number {
    const now = clock.monotonic();
    const known = stalled.get(secretId);
    const since =
      known?.id === id ? known : { id, since: now, dueMs: ORPHANED_AFTER_MS + random() * ORPHANED_SPREAD_MS };
    stalled.set(secretId, since);
    return since.since + since.dueMs - now;
  }

  function conflict(ref: AwsSecretRef, error?: unknown): ImsvaultError {
    return new ImsvaultError(
      'ERR_SECRET_VERSION_CONFLICT',
      `${session.describe(ref)}: another version has become current`,
      { cause: causeOf(error) },
    );
  }

  function unmoved(ref: AwsSecretRef, error: unknown): ImsvaultError {
    return new ImsvaultError(
      'ERR_SECRET_UNAVAILABLE',
      `${session.describe(ref)}: AWS did not make the new version current`,
      {
        cause: causeOf(error),
      },
    );
  }

  return async (ref, value, expected, mayCreate, signal) => {
    if (ref.versionId !== undefined || (ref.versionStage ?? CURRENT) !== CURRENT) throw pinned(session.describe(ref));
    let arn = arns.get(ref.secretId);
    if (arn === undefined || expected === null) {
      const state = await lookUp(ref, signal).catch((error: unknown) => {
        if (expected === null && mayCreate && isCreatable(ref, error)) return undefined;
        throw error;
      });
      if (state === undefined) return create(ref, value, signal);
      if (state.current !== expected) throw conflict(ref);
      arn = state.arn;
    }

    const id = successorId(arn, expected);
    const command = new PutSecretValueCommand({
      SecretId: ref.secretId,
      SecretString: reveal(value),
      ClientRequestToken: id,
      VersionStages: [NEXT],
    });
    const put = await session.call(ref, command, signal, 'write').catch((error: unknown) => {
      if (isVendors(error, 'ResourceExistsException')) return undefined;
      throw error;
    });
    if (put === undefined) return giveWay(ref, id, expected, signal);
    // The first version of a secret becomes current by itself.
    if (put.output.VersionStages?.includes(CURRENT) !== true) await makeCurrent(ref, id, expected, signal);
    stalled.delete(ref.secretId);
    return { id };
  };
}

interface State {
  arn: string;
  /** Null: no version is current. */
  current: string | null;
}

function isVendors(error: unknown, name: string): boolean {
  return (
    error instanceof ImsvaultError &&
    error.cause instanceof Object &&
    'name' in error.cause &&
    error.cause.name === name
  );
}

/** A secret is made by its name; AWS adds the end of its ARN. */
function isCreatable({ secretId }: AwsSecretRef, error: unknown): boolean {
  return isVendors(error, 'ResourceNotFoundException') && !secretId.startsWith('arn:');
}

function causeOf(error: unknown): ImsvaultError | undefined {
  return error instanceof ImsvaultError ? error : undefined;
}

function pinned(place: string): ImsvaultError {
  return new ImsvaultError('ERR_SECRET_MALFORMED', `${place}: one version or stage of it cannot be written`, {
    hint: 'Leave out versionId and versionStage: what is written becomes AWSCURRENT.',
  });
}
