import { ConfigInvalidError, vendorCause } from '../errors.js';
import { isObject, kindOf } from './tree.js';

/** As in files: configs have a dozen. */
const MAX_DEPTH = 100;

/**
 * A config that code gave, read once: from then on no getter runs, and nothing in it has itself inside.
 * @param name what gave it, as problems show it
 * @throws ERR_CONFIG_INVALID
 */
export function copyCodeValue(value: unknown, name: string): unknown {
  const tooDeep = new ConfigInvalidError([
    { path: '', message: `it is nested more than ${MAX_DEPTH} levels deep, or has itself inside`, source: name },
  ]);
  try {
    if (isInstance(value)) throw noInstance(value, name);
    return copy(value, MAX_DEPTH, tooDeep);
  } catch (error) {
    if (error instanceof ConfigInvalidError) throw error;
    // The text of a foreign error may quote anything.
    const cause = vendorCause(error);
    const message = `it cannot be read: a getter or a proxy in it failed (${cause.code ?? cause.name})`;
    throw new ConfigInvalidError([{ path: '', message, source: name }], { cause });
  }
}

const isInstance = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isObject(value);

function noInstance(value: unknown, name: string): ConfigInvalidError {
  const message = `a config must be a plain object; it is ${kindOf(value)}`;
  return new ConfigInvalidError([{ path: '', message, source: name }], {
    hint: "Give a plain object, or a config file's path as a text; fileURLToPath(url) is the path of a file: URL.",
  });
}

function copy(value: unknown, levels: number, tooDeep: ConfigInvalidError): unknown {
  const isList = Array.isArray(value);
  // What an instance of a class holds is not the config's.
  if (!isList && !isObject(value)) return value;
  if (levels === 0) throw tooDeep;
  const below = (item: unknown) => copy(item, levels - 1, tooDeep);
  if (isList) return Array.from(value, below);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, below(item)]));
}
