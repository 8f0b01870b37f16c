import { AccessToken } from '../access-token.js';
import { ImsvaultError, vendorCause } from '../errors.js';
import { Redacted } from '../redacted.js';

export type Printable = string | number | boolean | null | Printable[] | { [key: string]: Printable };

const REDACTED = '[redacted]';
const MAX_DEPTH = 8;
/** Of a list's items, and of an object's keys. */
const MAX_ITEMS = 100;

/**
 * A copy that a log may hold: plain data of bounded size. Secrets and tokens are redacted by their types, wherever they
 * stand; bytes, and the texts of errors that are not imsvault's, are left out, because they may quote anything. Never throws.
 */
export function printable(value: unknown): Printable {
  return copy(value, []);
}

function copy(value: unknown, above: readonly object[]): Printable {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return String(value);
    case 'object':
      return value === null ? null : copyObject(value, above);
    default:
      return value === undefined ? null : `[${typeof value}]`;
  }
}

function copyObject(value: object, above: readonly object[]): Printable {
  try {
    if (value instanceof Redacted || value instanceof AccessToken) return REDACTED;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return '[binary]';
    if (above.includes(value)) return '[circular]';
    if (above.length >= MAX_DEPTH) return '[nested too deeply]';
    const path = [...above, value];
    if (Array.isArray(value)) return copyList(value, path);
    if (value instanceof Set || value instanceof Map) return copyList([...value], path);
    if (value instanceof Error) return copyError(value, path);
    return copyFields(value, path);
  } catch {
    // A proxy may refuse each of these questions.
    return '[unreadable]';
  }
}

function copyList(list: readonly unknown[], path: readonly object[]): Printable[] {
  const shown = list.slice(0, MAX_ITEMS).map((item) => copy(item, path));
  return list.length > MAX_ITEMS ? [...shown, `[${list.length - MAX_ITEMS} more]`] : shown;
}

function copyError(error: Error, path: readonly object[]): Printable {
  const cause = error.cause === undefined ? {} : { cause: copy(error.cause, path) };
  if (!(error instanceof ImsvaultError)) return { ...vendorCause(error), ...cause };
  return { ...copyFields(error, path), message: error.message, ...cause };
}

/** Own and enumerable ones only, as JSON has them; `toJSON` is not asked, because it may give anything. */
function copyFields(value: object, path: readonly object[]): { [key: string]: Printable } {
  const fields: [string, Printable][] = [];
  for (const key of Object.keys(value).slice(0, MAX_ITEMS)) {
    const field = read(value, key);
    if (field !== undefined) fields.push([key, copy(field, path)]);
  }
  return Object.fromEntries(fields);
}

function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return '[unreadable]';
  }
}
