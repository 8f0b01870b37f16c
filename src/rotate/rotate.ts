import { type Clock, sleep } from '../clock.js';
import { ImsvaultError } from '../errors.js';
import { type Redacted, reveal } from '../redacted.js';
import type { Credential } from '../secret/credential.js';
import type { CredentialSlot } from './credential-slot.js';
import { exchangeOnceKnown } from './exchange-once-known.js';
import { describePlan, planRotation, type RotationPlan } from './plan.js';
import { gone, notInUse, otherClient, taken, unusable, unused } from './rotation-errors.js';
import type { RotationPayload } from './rotation-payload.js';
import type { RotationState, StartedState } from './rotation-state.js';
import type { SecretsApi } from './secrets-api.js';

export interface RotateOptions {
  slot: CredentialSlot;
  payload: RotationPayload;
  api: SecretsApi;
  /** Gets a token with exactly this credential. */
  exchange: (credential: Credential, signal: AbortSignal) => Promise<unknown>;
  clock: Clock;
  random: () => number;
  /** A new UUID. */
  newId: () => string;
  /** Look and plan only. */
  dryRun: boolean;
  /** Before the old secret is deleted, wait this long at most, in milliseconds, until Adobe shows that others use the new one. */
  waitMs?: number | undefined;
  /** Asked before anything is changed. */
  confirm: (steps: readonly string[]) => Promise<boolean>;
  /** Told of each step that is done. */
  report: (step: string) => void;
  signal: AbortSignal;
}

export interface RotationOutcome {
  /** Whether a rotation that had begun before was finished. */
  resumed: boolean;
  clientId: string;
  oldUuid: string;
  /** Absent in a dry run that would add it. */
  newUuid?: string;
  /** Deleted because an interrupted run had left it; in a dry run: to be deleted. */
  orphanUuid?: string;
  /** What was to be done, for people. */
  steps: readonly string[];
}

interface Situation {
  credential: Credential;
  state: RotationState | undefined;
  plan: RotationPlan;
}

const POLL_MS = 10_000;

/**
 * Adds a client secret, stores it, exchanges with it, and deletes the old one. Each step is written into the secret
 * before or right after it, so that a run that is killed at any moment is finished by the next.
 */
export async function rotate(options: RotateOptions): Promise<RotationOutcome> {
  const { slot, payload, api, clock, newId, signal, report } = options;

  async function look(): Promise<Situation> {
    const value = await slot.read(signal);
    payload.check(value);
    const state = payload.stateOf(value);
    const listed = await api.list(signal);
    const credential = payload.credentialOf(value);
    // Else the secrets of another credential would be deleted.
    if (listed.clientId !== credential.clientId) throw otherClient(slot.place, credential.clientId, listed.clientId);
    return { credential, state, plan: planRotation(state, listed) };
  }

  /** @returns the new secret's state, once the store holds it */
  async function add(
    plan: Extract<RotationPlan, { kind: 'add' }>,
    seen: RotationState | undefined,
  ): Promise<StartedState> {
    const { knownUuids, oldUuid, startedAt } = plan;
    const adding: RotationState = { step: 'adding', run: newId(), startedAt, knownUuids, oldUuid };
    await slot.update((value) => {
      const state = payload.stateOf(value);
      if (state?.run === adding.run) return undefined;
      if (state?.run !== seen?.run || state?.step !== seen?.step) throw taken(slot.place);
      return payload.withState(value, adding);
    }, signal);
    if (plan.resumes) await removeOrphan(adding, plan);

    signal.throwIfAborted();
    const unstoppable = new AbortController().signal;
    // The value is given once: whoever stops the process waits until it is stored. The next run could only delete it.
    const { uuid: newUuid, clientSecret: newSecret } = await api.add(unstoppable);
    const added: StartedState = { ...adding, step: 'added', newUuid, newSecret };
    await slot.update((value) => {
      const state = payload.stateOf(value);
      if (isCurrent(value, newSecret)) return undefined;
      // Another run has begun since, and takes what this one added for left over.
      if (state?.run !== adding.run) throw taken(slot.place);
      return payload.withState(value, added);
    }, unstoppable);
    signal.throwIfAborted();
    report(`added the client secret ${newUuid}`);
    return added;
  }

  /** Whoever else may be adding has lost its place in the store by now, so what is there now is left over. */
  async function removeOrphan(
    adding: RotationState,
    { orphan: planned }: Extract<RotationPlan, { kind: 'add' }>,
  ): Promise<void> {
    const now = planRotation(adding, await api.list(signal));
    const orphan = now.kind === 'add' ? now.orphan : undefined;
    if (orphan === undefined) return;
    // Only what was confirmed.
    if (orphan.uuid !== planned?.uuid) throw taken(slot.place);
    await api.remove(orphan.uuid, signal);
    report(`deleted the client secret ${orphan.uuid}, which an interrupted rotation left`);
  }

  async function finish(state: StartedState, credential: Credential): Promise<void> {
    const { newUuid, oldUuid } = state;
    await exchangeNew(state, credential);
    if (state.step === 'added') {
      await slot.update((value) => {
        const current = payload.stateOf(value);
        if (current?.step === 'added' && current.newUuid === newUuid) return payload.switched(value, current);
        if (isCurrent(value, state.newSecret)) return undefined;
        throw taken(slot.place);
      }, signal);
      report(`made it the one in use in ${slot.place}`);
    }
    if (options.waitMs !== undefined) await waitForUse(newUuid, options.waitMs);

    const { secrets } = await api.list(signal);
    if (!secrets.some(({ uuid }) => uuid === newUuid)) throw gone(newUuid);
    // Somebody may have put the old one back by hand.
    if (!isCurrent(await slot.read(signal), state.newSecret)) throw notInUse(slot.place, newUuid);
    if (state.knownUuids.includes(oldUuid) && secrets.some(({ uuid }) => uuid === oldUuid)) {
      await api.remove(oldUuid, signal);
      report(`deleted the old client secret ${oldUuid}`);
    }
    await slot.update((value) => {
      const current = payload.stateOf(value);
      return current?.step === 'switched' && current.newUuid === newUuid ? payload.finished(value) : undefined;
    }, signal);
  }

  async function exchangeNew(state: StartedState, credential: Credential): Promise<void> {
    try {
      await exchangeOnceKnown({ ...credential, clientSecrets: [state.newSecret] }, options);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof ImsvaultError ? unusable(error, state) : error;
    }
    report(`exchanged with the new client secret`);
  }

  /** What counts is a use after this process's own: each token that it gets may be one. */
  async function waitForUse(newUuid: string, waitMs: number): Promise<void> {
    const endsAt = clock.monotonic() + waitMs;
    let ownToken: number | undefined;
    let ownUntil = 0;
    for (;;) {
      const { secrets, serverNow, tokenIssuedAt } = await api.list(signal);
      const fresh = secrets.find(({ uuid }) => uuid === newUuid);
      if (fresh === undefined) throw gone(newUuid);
      if (tokenIssuedAt !== ownToken) {
        ownToken = tokenIssuedAt;
        // The end of the second that the server's Date begins.
        ownUntil = serverNow + 1000;
      } else if ((fresh.lastUsedAt ?? 0) >= ownUntil) {
        return report('Adobe shows that others use the new client secret');
      }
      const leftMs = endsAt - clock.monotonic();
      if (leftMs <= 0) throw unused(newUuid, waitMs);
      await sleep(clock, Math.min(POLL_MS, leftMs), signal);
    }
  }

  /** Another run has gone on with the very secret that this one added. */
  function isCurrent(value: Redacted<string>, secret: Redacted<string>): boolean {
    return reveal(payload.credentialOf(value).clientSecrets[0]) === reveal(secret);
  }

  const { credential, state, plan } = await look();
  const steps = describePlan(plan, slot.place);
  const orphanUuid = plan.kind === 'add' ? plan.orphan?.uuid : undefined;
  const outcome: RotationOutcome = {
    resumed: plan.kind === 'finish' || plan.resumes,
    clientId: credential.clientId,
    oldUuid: plan.kind === 'add' ? plan.oldUuid : plan.state.oldUuid,
    ...(plan.kind === 'finish' ? { newUuid: plan.state.newUuid } : {}),
    ...(orphanUuid === undefined ? {} : { orphanUuid }),
    steps,
  };
  if (options.dryRun) return outcome;
  if (!(await options.confirm(steps))) throw new ImsvaultError('ERR_ABORTED', 'not confirmed; nothing was changed');
  const started = plan.kind === 'add' ? await add(plan, state) : plan.state;
  await finish(started, credential);
  return { ...outcome, newUuid: started.newUuid };
}
