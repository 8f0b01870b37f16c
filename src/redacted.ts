import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/** Outside the objects, so that no inspection, JSON or clone of one can reach its value. */
const values = new WeakMap<object, unknown>();

/**
 * A value that must not be printed. `String()`, template literals, `JSON.stringify` and `util.inspect`
 * all show `[redacted]`; only {@link reveal} gives the value.
 */
export class Redacted<out T> {
  /** Makes `Redacted<string>` and `Redacted<number>` different types; never set. */
  declare protected readonly valueType: T;

  constructor(value: T) {
    values.set(this, value);
  }

  /** `[redacted]`. */
  toString(): string {
    return REDACTED;
  }

  /** `[redacted]`. */
  toJSON(): string {
    return REDACTED;
  }

  /** `[redacted]`, for `util.inspect` and `console.log`. */
  [inspect.custom](): string {
    return REDACTED;
  }
}

/** Wraps a value from the moment it is read. */
export function redact<T>(value: T): Redacted<T> {
  return new Redacted(value);
}

/**
 * The wrapped value. Call it only where the value leaves for its destination.
 * @throws TypeError when `wrapped` was not made by {@link redact} of this copy of imsvault
 */
export function reveal<T>(wrapped: Redacted<T>): T {
  if (!values.has(wrapped)) {
    throw new TypeError('This Redacted value comes from another copy of imsvault; install only one.');
  }
  return values.get(wrapped) as T;
}
