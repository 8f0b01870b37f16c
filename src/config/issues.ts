import type { core } from 'zod';
import { didYouMean, printable } from './suggest.js';
import { getAt, kindOf, type Path } from './tree.js';

export interface Issue {
  path: Path;
  message: string;
}

/**
 * What a schema found, in our words: zod's own mention neither what stands there nor what was meant.
 * @param input what was validated
 * @param keysAt the keys that an object at a path may have, for suggestions
 */
export function describeIssues(
  issues: readonly core.$ZodIssue[],
  input: unknown,
  keysAt: (path: Path) => readonly string[],
): Issue[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
    if (issue.code !== 'unrecognized_keys') return [{ path, message: describe(issue, getAt(input, path)) }];
    return issue.keys.map((key) => ({
      path: [...path, printable(key, keysAt(path))],
      message: `unknown option${didYouMean(key, keysAt(path))}`,
    }));
  });
}

function describe(issue: core.$ZodIssue, value: unknown): string {
  const own = /^(Invalid|Too (small|big)|Unrecognized)/.test(issue.message) ? undefined : issue.message;
  if (value === undefined)
    return own === undefined || issue.code === 'custom' ? (own ?? required(issue)) : `is required: ${own}`;
  switch (issue.code) {
    case 'invalid_type':
      return `${own ?? `must be ${noun(issue.expected)}`}; it is ${kindOf(value)}`;
    case 'invalid_value':
      return own ?? oneOf(issue.values, value);
    case 'invalid_union':
      return own ?? describeUnion(issue, value);
    case 'too_small':
      return (
        own ?? `must be at least ${issue.minimum}${unit(issue.origin)}${issue.inclusive ? '' : ', and not equal to it'}`
      );
    case 'too_big':
      return (
        own ?? `must be at most ${issue.maximum}${unit(issue.origin)}${issue.inclusive ? '' : ', and not equal to it'}`
      );
    default:
      return issue.message;
  }
}

const required = (issue: core.$ZodIssue) => {
  const values = issue.code === 'invalid_union' ? options(issue) : issue.code === 'invalid_value' ? issue.values : [];
  return values.length === 0 ? 'is required' : `is required: ${values.map(String).join(', ')}`;
};

const options = (issue: core.$ZodIssueInvalidUnion): readonly unknown[] =>
  ((issue as { options?: readonly unknown[] }).options ?? []) as readonly unknown[];

function describeUnion(issue: core.$ZodIssueInvalidUnion, value: unknown): string {
  if (options(issue).length > 0) return oneOf(options(issue), value);
  const all = issue.errors.flat();
  const values = all.flatMap((error) => (error.code === 'invalid_value' ? error.values : []));
  if (values.length > 0) return oneOf(values, value);
  const types = all.flatMap((error) =>
    error.code === 'invalid_type' && error.path.length === 0 ? [error.expected] : [],
  );
  // Of a secret that may also come wrapped, only the text matters to a reader.
  const known = [...new Set(types.map((type) => noun(type)).filter((type) => type !== ''))];
  return `must be ${known.join(' or ')}; it is ${kindOf(value)}`;
}

function oneOf(values: readonly unknown[], value: unknown): string {
  const names = values.map(String);
  const meant = typeof value === 'string' ? didYouMean(value, names) : '';
  return `must be one of ${names.join(', ')}${meant}`;
}

const unit = (origin: string) => (origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '');

function noun(expected: string): string {
  if (expected === 'Redacted') return '';
  if (expected === 'string') return 'a text';
  if (expected === 'array') return 'a list';
  if (expected === 'boolean') return 'true or false';
  if (expected === 'object') return 'an object';
  return expected === 'int' ? 'a whole number' : `a ${expected}`;
}
