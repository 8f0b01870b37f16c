import { ImsvaultError } from '../errors.js';
import { type JsonObject, parseJsonObject } from '../json.js';
import { type Redacted, redact, reveal } from '../redacted.js';
import { type Credential, type FieldMap, parseCredential } from '../secret/credential.js';
import { parseStringList } from '../string-list.js';
import { parseState, type RotationState, STATE_FIELD, serializeState } from './rotation-state.js';

/** The secret's text, in the shape that its owner gave it. All other fields stay as they are. */
export interface RotationPayload {
  /** Undefined: no rotation is under way. @throws ERR_SECRET_MALFORMED for a state that is none */
  stateOf(value: Redacted<string>): RotationState | undefined;
  credentialOf(value: Redacted<string>): Credential;
  withState(value: Redacted<string>, state: RotationState): Redacted<string>;
  /** The new secret in the old one's place; where a list can hold both, the old one behind it. */
  switched(value: Redacted<string>, state: Extract<RotationState, { step: 'added' }>): Redacted<string>;
  /** Without the state, and without the old secret. */
  finished(value: Redacted<string>): Redacted<string>;
  /** @throws ERR_SECRET_MALFORMED for a secret whose shape cannot take a state or another client secret */
  check(value: Redacted<string>): void;
}

/** Lists that imsvault reads beside these names; others keep the old secret in the store's last version only. */
const LIST_OF: ReadonlyMap<string, string> = new Map(
  Object.entries({
    client_secret: 'client_secrets',
    clientSecret: 'clientSecrets',
    CLIENT_SECRET: 'CLIENT_SECRETS',
  }),
);

/**
 * @param place for messages
 * @param fields as the config names them
 */
export function createRotationPayload(place: string, fields: FieldMap | undefined): RotationPayload {
  const fail = (message: string, hint: string) =>
    new ImsvaultError('ERR_SECRET_MALFORMED', `${place}: ${message}`, { hint });
  const credentialOf = (value: Redacted<string>) => parseCredential(value, place, fields);

  function open(value: Redacted<string>): JsonObject {
    const text = reveal(value);
    const document = parseJsonObject(text);
    if (document === undefined) {
      throw fail(
        'it is not a JSON object, so it cannot hold the state of a rotation',
        'Store it as JSON, for example {"client_id": "…", "client_secret": "…"}.',
      );
    }
    if (hasUnsafeNumber(text)) {
      throw fail('a number in it has too many digits to be written back unchanged', 'Store that number as a text.');
    }
    return document;
  }

  function close(document: JsonObject, original: Redacted<string>): Redacted<string> {
    const [, indent] = /^\s*\{\r?\n([ \t]+)"/.exec(reveal(original)) ?? [];
    return redact(JSON.stringify(document, undefined, indent));
  }

  function stateOf(value: Redacted<string>): RotationState | undefined {
    const document = open(value);
    if (!Object.hasOwn(document, STATE_FIELD)) return undefined;
    const state = parseState(document[STATE_FIELD]);
    if (state !== undefined) return state;
    throw fail(
      `"${STATE_FIELD}" is not the state of a rotation that this version knows`,
      'Update imsvault. If nothing else helps, compare the secrets in the Developer Console, then remove that field.',
    );
  }

  function withState(value: Redacted<string>, state: RotationState): Redacted<string> {
    return close({ ...open(value), [STATE_FIELD]: serializeState(state) }, value);
  }

  function switched(value: Redacted<string>, state: Extract<RotationState, { step: 'added' }>): Redacted<string> {
    const { newSecret } = state;
    const { [STATE_FIELD]: _state, ...document } = open(value);
    const { clientId, clientSecrets } = credentialOf(value);
    const swap = createSwap(reveal(clientSecrets[0]), reveal(newSecret));
    const swapped = swap.apply(document) as JsonObject;
    const listAdded = fields?.clientSecret === undefined && !swap.hasList ? addList(swapped, swap) : undefined;
    const next = close(
      {
        ...swapped,
        [STATE_FIELD]: serializeState({
          ...state,
          step: 'switched',
          ...(listAdded === undefined ? {} : { listAdded }),
        }),
      },
      value,
    );
    const result = credentialOf(next);
    if (result.clientId !== clientId || reveal(result.clientSecrets[0]) !== reveal(newSecret)) {
      throw fail(
        'another client secret cannot be put into its shape',
        'Store the client secret as a text of its own, or as the first of a list.',
      );
    }
    return next;
  }

  return {
    stateOf,
    credentialOf,
    withState,
    switched,
    finished(value) {
      const { [STATE_FIELD]: _state, ...document } = open(value);
      const state = stateOf(value);
      const current = reveal(credentialOf(value).clientSecrets[0]);
      const listAdded = state?.step === 'switched' ? state.listAdded : undefined;
      return close(settle(document, current, listAdded) as JsonObject, value);
    },
    check(value) {
      const probe = { run: 'probe', startedAt: 0, knownUuids: [], oldUuid: 'probe', newUuid: 'probe' };
      switched(value, { ...probe, step: 'added', newSecret: redact('imsvault-shape-probe') });
    },
  };
}

interface Swap {
  readonly current: string;
  readonly next: string;
  /** Whether a list now holds both. */
  hasList: boolean;
  apply(value: unknown, key?: string): unknown;
}

/** By its value and not by its name: whatever else in the secret repeats it for other readers must not fall behind. */
function createSwap(current: string, next: string): Swap {
  const isCurrent = (value: unknown) => typeof value === 'string' && value.trim() === current;
  const swap: Swap = {
    current,
    next,
    hasList: false,
    apply(value, key = '') {
      if (isCurrent(value)) return next;
      const list = asList(value, key);
      if (list !== undefined && isCurrent(list.items[0])) {
        swap.hasList = true;
        return list.write([next, current]);
      }
      return mapBelow(value, swap.apply);
    },
  };
  return swap;
}

/** Adds the list beside the first secret that has a name for one. @returns the list's name */
function addList(value: unknown, swap: Swap): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const object = value as Record<string, unknown>;
  for (const [key, child] of Object.entries(object)) {
    const list = LIST_OF.get(key);
    if (list !== undefined && child === swap.next && !Array.isArray(value) && !Object.hasOwn(object, list)) {
      object[list] = [swap.next, swap.current];
      return list;
    }
    const below = addList(child, swap);
    if (below !== undefined) return below;
  }
  return undefined;
}

/** Lists with `current` at their head keep it alone; the one that the rotation added goes. */
function settle(value: unknown, current: string, listAdded: string | undefined, key = ''): unknown {
  const list = asList(value, key);
  if (list?.items[0] === current && list.items.length > 1) return list.write([current]);
  const settled = mapBelow(value, (child, name) => settle(child, current, listAdded, name));
  if (listAdded === undefined || typeof settled !== 'object' || settled === null || Array.isArray(settled)) {
    return settled;
  }
  const { [listAdded]: added, ...rest } = settled as JsonObject;
  return Array.isArray(added) && added[0] === current ? rest : settled;
}

interface List {
  items: readonly unknown[];
  /** The same kind of list with other items. */
  write(items: readonly string[]): unknown;
}

/** An array, a JSON array in a text, or, where the name says that it is one, texts with commas between. */
function asList(value: unknown, key: string): List | undefined {
  if (Array.isArray(value)) return { items: value, write: (items) => [...items] };
  if (typeof value !== 'string') return undefined;
  const items = parseStringList(value);
  if (items === undefined) return undefined;
  if (value.trim().startsWith('[')) return { items, write: (next) => JSON.stringify(next) };
  return /secrets$/i.test(key) && items.length > 1 ? { items, write: (next) => next.join(',') } : undefined;
}

function mapBelow(value: unknown, map: (child: unknown, key: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => map(item, ''));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, map(child, key)]));
}

/** JavaScript reads integers of more than 15 digits as others. */
function hasUnsafeNumber(json: string): boolean {
  const numbers = json.replace(/"(?:[^"\\]|\\.)*"/g, '').match(/-?\d[\d.eE+-]*/g) ?? [];
  return numbers.some((text) => text.replace(/\D/g, '').length > 15);
}
