import type { JsonObject } from '../json.js';

/** Where a value stands in a config: `['credentials', 'providers', 0, 'path']`. */
export type Path = readonly (string | number)[];

/** A plain object: not a list, not an instance of a class such as `Redacted`. */
export function isObject(value: unknown): value is JsonObject {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** `credentials.providers.0.path` */
export const dotted = (path: Path): string => path.join('.');

export function getAt(tree: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value[Number(key)];
    return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }, tree);
}

/** A copy of `tree` with `value` at `path`; objects on the way are made, list items are not. */
export function setAt(tree: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(tree)) return tree.map((item, index) => (index === Number(key) ? setAt(item, rest, value) : item));
  const object = isObject(tree) ? tree : {};
  // Not an assignment: a key "__proto__" would change the prototype.
  return Object.fromEntries([...Object.entries(object), [key, setAt(getAt(object, [key]), rest, value)]]);
}

/** A copy of `tree` with each value that is neither a list nor a plain object replaced. */
export function mapLeaves(tree: unknown, replace: (value: unknown, path: Path) => unknown, path: Path = []): unknown {
  if (Array.isArray(tree)) return tree.map((item, index) => mapLeaves(item, replace, [...path, index]));
  if (!isObject(tree)) return replace(tree, path);
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, mapLeaves(value, replace, [...path, key])]),
  );
}

/** `value` without `keys`. */
export function omit(value: JsonObject, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** The part of `value` that `keys` name. */
export function pick(value: JsonObject, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)));
}

/** What a value is, in words that say nothing of its content. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return isObject(value) ? 'an object' : instanceOf(value);
  if (typeof value === 'boolean') return String(value);
  // YAML has .nan and .inf.
  if (typeof value === 'number' && !Number.isFinite(value)) return 'no finite number';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

/** Of a class, only a name that is one: anything may stand there. */
function instanceOf(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && /^[A-Za-z_$][\w$]{0,39}$/.test(name)
    ? `an instance of ${name}`
    : 'an instance of a class';
}
