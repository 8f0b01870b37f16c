import { openConfigSource } from './config-source.js';
import type { LoadOptions } from './load.js';
import { isObject } from './tree.js';

/**
 * The names of a config's profiles, in their order; undefined where it has none by name.
 * @throws ERR_CONFIG_INVALID
 */
export async function listProfiles(options: LoadOptions): Promise<readonly string[] | undefined> {
  const { value } = await openConfigSource(options);
  return isObject(value) && isObject(value.profiles) ? Object.keys(value.profiles) : undefined;
}
