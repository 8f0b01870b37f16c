import * as z from 'zod';
import { type Redacted, redact, reveal } from '../redacted.js';

/** The field of the secret's JSON that holds the state of a rotation; absent: none is under way. */
export const STATE_FIELD = 'imsvault_rotation';

interface RotationFacts {
  /** A new UUID for each run that is about to add a secret: whoever finds another one here must not go on. */
  run: string;
  /** By Adobe's clock where it tells, Unix milliseconds; before anything was added. */
  startedAt: number;
  /** The secrets that Adobe had at that time. */
  knownUuids: readonly string[];
  /** The one of them to delete in the end. */
  oldUuid: string;
}

interface NewSecret {
  newUuid: string;
  /** Kept until the end: only while the credential's is this one may the old one go. */
  newSecret: Redacted<string>;
}

/** How far a rotation has come, as the secret itself holds it: any host can go on from there. */
export type RotationState = RotationFacts &
  (
    | /** A secret is being added; whether it was is not known. */ { step: 'adding' }
    /** Adobe made it. The credential is still the old one. */
    | ({ step: 'added' } & NewSecret)
    /** The new one is the credential's. `listAdded`: the field that was added to keep the old one beside it. */
    | ({ step: 'switched'; listAdded?: string } & NewSecret)
  );

export type StartedState = Exclude<RotationState, { step: 'adding' }>;

const uuid = z.string().regex(/^[\w-]{1,64}$/);
const facts = {
  run: uuid,
  started_at: z.iso.datetime().transform((text) => Date.parse(text)),
  known_uuids: z.array(uuid),
  old_uuid: uuid,
};
const added = { new_uuid: uuid, new_secret: z.string().min(1) };
const stored = z.discriminatedUnion('step', [
  z.object({ ...facts, step: z.literal('adding') }),
  z.object({ ...facts, ...added, step: z.literal('added') }),
  z.object({ ...facts, ...added, step: z.literal('switched'), list_added: z.string().optional() }),
]);

/** @returns undefined when `value` is no such state */
export function parseState(value: unknown): RotationState | undefined {
  const { data } = stored.safeParse(value);
  if (data === undefined) return undefined;
  const common = {
    run: data.run,
    startedAt: data.started_at,
    knownUuids: data.known_uuids,
    oldUuid: data.old_uuid,
  };
  if (data.step === 'adding') return { ...common, step: 'adding' };
  const started = { ...common, newUuid: data.new_uuid, newSecret: redact(data.new_secret) };
  if (data.step === 'added') return { ...started, step: 'added' };
  return { ...started, step: 'switched', ...(data.list_added === undefined ? {} : { listAdded: data.list_added }) };
}

/** As it goes into the secret. */
export function serializeState(state: RotationState): Record<string, unknown> {
  return {
    step: state.step,
    run: state.run,
    started_at: new Date(state.startedAt).toISOString(),
    known_uuids: state.knownUuids,
    old_uuid: state.oldUuid,
    ...(state.step === 'adding' ? {} : { new_uuid: state.newUuid, new_secret: reveal(state.newSecret) }),
    ...(state.step === 'switched' && state.listAdded !== undefined ? { list_added: state.listAdded } : {}),
  };
}
