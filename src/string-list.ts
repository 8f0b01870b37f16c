import { parseJson } from './json.js';

/**
 * A list as people write it: an array, a JSON array in a string (`.env` files and some stores make strings of all),
 * or names with commas or white space between them.
 * @returns the names, trimmed, without empty ones and repeats; undefined when `value` is none of these
 */
export function parseStringList(value: unknown): string[] | undefined {
  let items: unknown = value;
  if (typeof value === 'string') {
    const text = value.trim();
    items = text.startsWith('[') ? parseJson(text) : text.split(/[\s,]+/);
  }
  if (!Array.isArray(items) || !items.every((item): item is string => typeof item === 'string')) return undefined;
  return [...new Set(items.map((item) => item.trim()).filter((item) => item !== ''))];
}
