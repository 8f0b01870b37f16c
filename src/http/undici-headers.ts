import type { Dispatcher } from 'undici';

type UndiciHeaders = Dispatcher.DispatchOptions['headers'];

/** Every form that undici takes, as one: name, value, name, value. A value may be a list. */
function flatten(headers: UndiciHeaders): unknown[] {
  if (headers === undefined || headers === null) return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0])) return [...headers];
  if (Symbol.iterator in headers) return [...headers].flat();
  const flat: unknown[] = [];
  for (const name of Object.keys(headers)) flat.push(name, headers[name]);
  return flat;
}

/**
 * `headers` and those of `ours` whose names they do not have.
 * @param ours names in lower case
 * @returns undefined where `headers` have an authorization of their own
 */
export function addHeaders(headers: UndiciHeaders, ours: Readonly<Record<string, string>>): string[] | undefined {
  const all = flatten(headers);
  const taken: string[] = [];
  for (let index = 0; index < all.length; index += 2) {
    const name = String(all[index]).toLowerCase();
    if (name in ours) taken.push(name);
  }
  if (taken.includes('authorization')) return undefined;
  for (const name in ours) if (!taken.includes(name)) all.push(name, ours[name]);
  // undici's type of the flat form leaves out lists of values.
  return all as string[];
}
