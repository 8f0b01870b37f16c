import { mapLeaves, type Path } from './tree.js';

export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/** Stands in a config where a value could not be made; an override may still take its place. */
export class Unresolved {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

export interface References {
  /** The variables. */
  names: string[];
  /** Whether any `${…}` is in the text; `$${` is none. */
  any: boolean;
  /** Whether a default, as in `${NAME:-default}`, is. */
  withDefault: boolean;
}

export function referencesIn(text: string): References {
  const inner = [...text.matchAll(REFERENCE)].map((match) => match[1]).filter((name) => name !== undefined);
  const names = inner.map((text) => NAME.exec(text)?.[1]).filter((name) => name !== undefined);
  return { names, any: inner.length > 0, withDefault: inner.some((name) => (NAME.exec(name)?.[2] ?? '') !== '') };
}

/** `${NAME}`, `${NAME:-default}` for unset or empty ones, and `$${` for a literal `${`. */
export function interpolate(text: string, env: Env): string | Unresolved {
  const problems: string[] = [];
  const value = text.replaceAll(REFERENCE, (match: string, inner: string | undefined) => {
    if (match === '$${') return '${';
    const [, name, fallback] = NAME.exec(inner ?? '') ?? [];
    if (name === undefined) {
      problems.push('"${" must be followed by a variable\'s name and "}"; write "$${" for a literal "${"');
      return '';
    }
    const value = env[name];
    // Not what every object has: "constructor" is no variable.
    const found = typeof value === 'string' ? value : undefined;
    if (fallback !== undefined) return found === undefined || found === '' ? fallback : found;
    if (found === undefined) problems.push(`the environment variable ${name} is not set`);
    return found ?? '';
  });
  return problems.length === 0 ? value : new Unresolved([...new Set(problems)].join('; '));
}

/** Every string of a config interpolated. */
export function interpolateAll(tree: unknown, env: Env, onReference: (path: Path) => void): unknown {
  return mapLeaves(tree, (value, path) => {
    if (typeof value !== 'string') return value;
    if (referencesIn(value).any) onReference(path);
    return interpolate(value, env);
  });
}

/** Where something could not be made. */
export function unresolvedIn(tree: unknown): { path: Path; problem: string }[] {
  const found: { path: Path; problem: string }[] = [];
  mapLeaves(tree, (value, path) => {
    if (value instanceof Unresolved) found.push({ path, problem: value.problem });
    return value;
  });
  return found;
}
