import { ImsvaultError } from '../errors.js';
import type { RotationState, StartedState } from './rotation-state.js';
import type { ListedSecret, ListedSecrets } from './secrets-api.js';

/** What is left to do, from what the secret and Adobe hold. */
export type RotationPlan =
  | {
      kind: 'add';
      /** A run before this one stopped when it might have added a secret. */
      resumes: boolean;
      startedAt: number;
      knownUuids: readonly string[];
      oldUuid: string;
      /** What that run added, its value lost: to be deleted first. */
      orphan?: ListedSecret;
    }
  | { kind: 'finish'; state: StartedState };

/** Adobe's servers may disagree a little about the time. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * A secret counts as left over by a run only if that run did not know it, it was made since, and nobody ever used it.
 * @throws ERR_ROTATION_REFUSED where it cannot be told which secret is which
 */
export function planRotation(state: RotationState | undefined, listed: ListedSecrets): RotationPlan {
  const { secrets } = listed;
  if (state !== undefined && state.step !== 'adding') {
    if (secrets.some(({ uuid }) => uuid === state.newUuid)) return { kind: 'finish', state };
    // Somebody deleted the new one at Adobe: what is left is a credential like any other.
    return begin(listed);
  }
  if (state === undefined) return begin(listed);
  const unknown = secrets.filter(({ uuid }) => !state.knownUuids.includes(uuid));
  const [orphan] = unknown;
  const rest = secrets.filter((secret) => secret !== orphan);
  const [old] = rest;
  if (unknown.length > 1 || rest.length !== 1 || old === undefined) throw unclear(secrets);
  if (orphan !== undefined && !isLeftOver(orphan, state.startedAt)) {
    throw refused(
      `beside the client secret in use there is ${orphan.uuid}, which an interrupted rotation does not know${orphan.isUsed ? ' and somebody has used' : ''}`,
      'It is not deleted, because it may be in use. If it is not, delete it in the Developer Console, and run this again.',
    );
  }
  return {
    kind: 'add',
    resumes: true,
    startedAt: state.startedAt,
    knownUuids: state.knownUuids,
    oldUuid: old.uuid,
    ...(orphan === undefined ? {} : { orphan }),
  };
}

function begin({ secrets, serverNow }: ListedSecrets): RotationPlan {
  const [old] = secrets;
  if (old === undefined || secrets.length !== 1) throw unclear(secrets);
  return { kind: 'add', resumes: false, startedAt: serverNow, knownUuids: [old.uuid], oldUuid: old.uuid };
}

function isLeftOver({ isUsed, createdAt }: ListedSecret, startedAt: number): boolean {
  return !isUsed && createdAt !== undefined && createdAt >= startedAt - CLOCK_TOLERANCE_MS;
}

function unclear(secrets: readonly ListedSecret[]): ImsvaultError {
  if (secrets.length === 0)
    return refused(
      'Adobe lists no client secret of this credential',
      'Add one in the Developer Console, and store it.',
    );
  return refused(
    `the credential has ${secrets.length} client secrets, which is as many as it may have: ${secrets.map(describeSecret).join('; ')}`,
    'Delete the one that is not in use in the Developer Console, and run this again. Which one the store holds cannot be told: Adobe lists no values.',
  );
}

function describeSecret({ uuid, createdAt, lastUsedAt, isUsed }: ListedSecret): string {
  const time = (ms: number) => new Date(ms).toISOString();
  const used = lastUsedAt === undefined ? (isUsed ? 'used' : 'never used') : `last used ${time(lastUsedAt)}`;
  return `${uuid} (${createdAt === undefined ? '' : `made ${time(createdAt)}, `}${used})`;
}

function refused(message: string, hint: string): ImsvaultError {
  return new ImsvaultError('ERR_ROTATION_REFUSED', message, { hint });
}

/** The steps, for people. */
export function describePlan(plan: RotationPlan, place: string): string[] {
  const add = plan.kind === 'add' ? 'add a client secret at Adobe, and keep it' : undefined;
  const state = plan.kind === 'add' ? undefined : plan.state;
  const oldUuid = plan.kind === 'add' ? plan.oldUuid : plan.state.oldUuid;
  const isSwitched = state?.step === 'switched';
  return [
    ...(plan.kind === 'add' && plan.orphan !== undefined
      ? [`delete the client secret ${describeSecret(plan.orphan)}, which an interrupted rotation left`]
      : []),
    ...(add === undefined ? [] : [`${add} in ${place}`]),
    `exchange with the new client secret${state === undefined ? '' : ` ${state.newUuid}`}`,
    ...(isSwitched ? [] : [`make it the one in use in ${place}`]),
    `delete the old client secret ${oldUuid}, which cannot be restored`,
  ];
}
