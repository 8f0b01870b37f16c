import { Redacted, reveal } from '../redacted.js';
import { isObject } from './tree.js';

/**
 * A value such that two of them are deeply equal where their configs say the same: wrapped secrets look all the same from
 * outside, and an option that is undefined is none. It holds secrets: compare it, and let it go.
 */
export function comparable(value: unknown): unknown {
  if (value instanceof Redacted) return { redacted: reveal(value) };
  if (Array.isArray(value)) return value.map(comparable);
  if (!isObject(value)) return value;
  const given = Object.entries(value).filter(([, below]) => below !== undefined);
  return Object.fromEntries(given.map(([key, below]) => [key, comparable(below)]));
}
