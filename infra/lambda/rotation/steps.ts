import { uuidV5 } from '../../../providers/aws-secrets-manager/request-token.js';
import type { Clock } from '../../../src/clock.js';
import { ImsvaultError } from '../../../src/errors.js';
import { type Redacted, redact, reveal } from '../../../src/redacted.js';
import { exchangeOnceKnown } from '../../../src/rotate/exchange-once-known.js';
import { planRotation, type RotationPlan } from '../../../src/rotate/plan.js';
import { notInUse, otherClient, taken } from '../../../src/rotate/rotation-errors.js';
import type { RotationPayload } from '../../../src/rotate/rotation-payload.js';
import { parseState, type RotationState, serializeState } from '../../../src/rotate/rotation-state.js';
import type { ListedSecret, ListedSecrets, SecretsApi } from '../../../src/rotate/secrets-api.js';
import type { Credential } from '../../../src/secret/credential.js';
import type { SecretVersions, StagedVersion } from './secret-versions.js';

export type StepName = 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret';

export interface RotationStepsOptions {
  /** For messages, and part of the ids of versions. */
  secretArn: string;
  versions: SecretVersions;
  payload: RotationPayload;
  /** Adobe's API, with tokens of the credential as it stands in the store. */
  api: SecretsApi;
  /** Gets a token with exactly this credential. */
  exchange: (credential: Credential, signal: AbortSignal) => Promise<unknown>;
  clock: Clock;
  random: () => number;
  report: (step: string) => void;
  signal: AbortSignal;
}

/** Holds what Adobe had before a secret was added: a version beside AWSPENDING, without a secret in it. */
const STATE_STAGE = 'IMSVAULT_ROTATION';
const STATE_NAMESPACE = 'c0b8bd7f-6f0b-4f39-9f2e-52a2a7a3f8d1';
/** Longer than the function may run: whoever made a secret before that cannot store it any more. */
export const ORPHAN_AGE_MS = 300_000;

/**
 * The four steps of a rotation by Secrets Manager; each may be called any number of times.
 * @returns a function that takes a step for the version `token`, the request's ClientRequestToken
 */
export function createRotationSteps(options: RotationStepsOptions): (step: StepName, token: string) => Promise<void> {
  const { secretArn, versions, payload, api, report, signal } = options;

  async function pending(token: string): Promise<StagedVersion> {
    const version = await versions.read(token);
    if (version !== undefined) return version;
    throw new ImsvaultError(
      'ERR_SECRET_NOT_FOUND',
      `${secretArn}: version ${token} has no value: createSecret must be first`,
    );
  }

  async function createSecret(token: string): Promise<void> {
    if ((await versions.read(token)) !== undefined) return;
    const { id, value } = await versions.current();
    payload.check(value);
    const { clientId } = payload.credentialOf(value);
    const listed = await api.list(signal);
    // Else the secrets of another credential would be deleted.
    if (listed.clientId !== clientId) throw otherClient(secretArn, clientId, listed.clientId);
    const rest = await removeOld(value, listed);
    const adding = await rememberListed(id, token, rest);
    await removeOrphan(planRotation(adding, rest), rest);

    signal.throwIfAborted();
    const unstoppable = new AbortController().signal;
    // The value is given once: from here to the put nothing may end the step but the end of the function itself.
    const { uuid: newUuid, clientSecret: newSecret } = await api.add(unstoppable);
    const next = payload.switched(settled(value), { ...adding, step: 'added', run: token, newUuid, newSecret });
    if (await versions.put(token, next, 'AWSPENDING')) report(`added the client secret ${newUuid}`);
    else await api.remove(newUuid, unstoppable);
  }

  /** The one that the rotation before this one left in force. */
  async function removeOld(value: Redacted<string>, listed: ListedSecrets): Promise<ListedSecrets> {
    const state = payload.stateOf(value);
    if (state === undefined) return listed;
    // A run of `imsvault rotate` is not done.
    if (state.step !== 'switched') throw taken(secretArn);
    const { oldUuid, newUuid, newSecret, knownUuids } = state;
    // Somebody deleted the new one at Adobe: what is left is a credential like any other.
    if (!listed.secrets.some(({ uuid }) => uuid === newUuid)) return listed;
    if (reveal(payload.credentialOf(value).clientSecrets[0]) !== reveal(newSecret)) throw notInUse(secretArn, newUuid);
    if (!knownUuids.includes(oldUuid) || !listed.secrets.some(({ uuid }) => uuid === oldUuid)) return listed;
    await api.remove(oldUuid, signal);
    report(`deleted the client secret ${oldUuid}, which the rotation before had replaced`);
    return { ...listed, secrets: listed.secrets.filter(({ uuid }) => uuid !== oldUuid) };
  }

  /**
   * Writes down what Adobe has before anything is added, once for each version of the credential: the version's id
   * follows from that one's, and the first content stays.
   */
  async function rememberListed(
    base: string,
    run: string,
    listed: ListedSecrets,
  ): Promise<Extract<RotationState, { step: 'adding' }>> {
    const id = uuidV5(STATE_NAMESPACE, `${secretArn} ${base}`);
    let written = await versions.read(id);
    if (written === undefined) {
      const plan = planRotation(undefined, listed);
      if (plan.kind !== 'add') throw new TypeError('without a state there is nothing to finish');
      const { startedAt, knownUuids, oldUuid } = plan;
      const state = serializeState({ step: 'adding', run, startedAt, knownUuids, oldUuid });
      await versions.put(id, redact(JSON.stringify(state)), STATE_STAGE);
      written = await versions.read(id);
    }
    const state = written === undefined ? undefined : parseState(JSON.parse(reveal(written.value)));
    if (state?.step === 'adding') return state;
    throw new ImsvaultError('ERR_SECRET_MALFORMED', `${secretArn}: version ${id} is not the state of a rotation`);
  }

  async function removeOrphan(plan: RotationPlan, { serverNow }: ListedSecrets): Promise<void> {
    const orphan: ListedSecret | undefined = plan.kind === 'add' ? plan.orphan : undefined;
    if (orphan === undefined) return;
    if (serverNow - (orphan.createdAt ?? serverNow) < ORPHAN_AGE_MS) {
      throw new ImsvaultError(
        'ERR_ROTATION_UNAVAILABLE',
        `the client secret ${orphan.uuid} was made by another call of this step, which may still be storing it`,
        { hint: `Secrets Manager calls again; after ${ORPHAN_AGE_MS / 60_000} minutes it counts as left over.` },
      );
    }
    await api.remove(orphan.uuid, signal);
    report(`deleted the client secret ${orphan.uuid}, which an interrupted call had left`);
  }

  /** Without what the rotation before this one left in the credential. */
  function settled(value: Redacted<string>): Redacted<string> {
    return payload.stateOf(value) === undefined ? value : payload.finished(value);
  }

  async function testSecret(token: string): Promise<void> {
    const { value } = await pending(token);
    const { clientSecrets, ...rest } = payload.credentialOf(value);
    await exchangeOnceKnown({ ...rest, clientSecrets: [clientSecrets[0]] }, options);
    report('exchanged with the new client secret');
  }

  async function finishSecret(token: string): Promise<void> {
    const { value } = await pending(token);
    const { id, value: before } = await versions.current();
    const state = payload.stateOf(value);
    // Somebody put another credential meanwhile: making the pending one current would lose it.
    if (
      state?.step !== 'switched' ||
      reveal(payload.switched(settled(before), { ...state, step: 'added' })) !== reveal(value)
    ) {
      throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', `${secretArn} was changed since this rotation began`, {
        hint: `Take AWSPENDING from version ${token} (aws secretsmanager update-secret-version-stage), delete ${state?.step === 'switched' ? state.newUuid : 'the newest client secret'} in the Developer Console, and rotate again.`,
      });
    }
    await versions.makeCurrent(token, id);
    report(`made ${state.newUuid} the client secret in use; ${state.oldUuid} stays in force until the next rotation`);
  }

  const steps: Record<StepName, (token: string) => Promise<void>> = {
    createSecret,
    // Adobe puts a client secret into force when it makes it.
    setSecret: async () => undefined,
    testSecret,
    finishSecret,
  };
  return async (step, token) => {
    const stages = await versions.stagesOf(token);
    if (stages.includes('AWSCURRENT')) return;
    if (stages.length > 0 && !stages.includes('AWSPENDING')) {
      throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', `${secretArn}: version ${token} is not pending`);
    }
    await steps[step](token);
  };
}
