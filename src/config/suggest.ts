import { distance } from 'fastest-levenshtein';
import { printableName } from '../terminal-text.js';

/** `client_id`, `Client-Id` and `clientId` are one name to a person. */
const bare = (name: string) => name.toLowerCase().replace(/[_\-\s]/g, '');

/** The name that was probably meant; undefined when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = bare(name);
  const [best] = known
    .map((candidate) => ({ candidate, steps: distance(wanted, bare(candidate)) }))
    .sort((a, b) => a.steps - b.steps);
  return best !== undefined && best.steps <= Math.max(1, Math.floor(0.4 * wanted.length)) ? best.candidate : undefined;
}

/** `; did you mean "path"?`, or nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant === undefined ? '' : `; did you mean "${printableName(meant)}"?`;
}

/** A key as it may be printed. One that looks like no name could be a secret in the wrong place. */
export function printable(key: string, known: readonly string[] = []): string {
  const isName = nearest(key, known) !== undefined || /^[A-Za-z_$][A-Za-z_-]{0,39}$/.test(key);
  return isName ? printableName(key) : '(a key not shown)';
}
