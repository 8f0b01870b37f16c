import { expect, it } from 'vitest';
import * as z from 'zod';
import { describeIssues } from '../../src/config/issues.js';

const described = (schema: z.ZodType, input: unknown) =>
  describeIssues(schema.safeParse(input).error?.issues ?? [], input, () => ['client', 'path']).map(
    ({ path, message }) => `${path.map((key) => JSON.stringify(key)).join('.')}: ${message}`,
  );

const byKind = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file') }),
  z.object({ kind: z.literal('env') }),
]);

it.each<[string, z.ZodType, unknown, string]>([
  ['nothing', z.string(), undefined, ': is required'],
  ['nothing of a list of values', z.enum(['on', 'off']), undefined, ': is required: on, off'],
  [
    'nothing, where the schema has words of its own',
    z.string('must be a name'),
    undefined,
    ': is required: must be a name',
  ],
  ['wrong by a check of its own', z.any().refine(() => false, 'give one of two'), undefined, ': give one of two'],
  ['another type', z.string(), 5, ': must be a text; it is a number'],
  ['another type, in words of its own', z.string('must be a name'), 5, ': must be a name; it is a number'],
  ["another type, in words of its own like zod's", z.string('is Invalid here'), 5, ': is Invalid here; it is a number'],
  ['no list', z.array(z.string()), 'x', ': must be a list; it is a text'],
  ['no object', z.object({}), null, ': must be an object; it is empty'],
  ['no switch', z.boolean(), 'x', ': must be true or false; it is a text'],
  ['a fraction', z.int(), 1.5, ': must be a whole number; it is a number'],
  ['another value', z.enum(['on', 'off']), 'onn', ': must be one of on, off; did you mean "on"?'],
  ['another value of another type', z.enum(['on', 'off']), 5, ': must be one of on, off'],
  ['too small', z.number().min(2), 1, ': must be at least 2'],
  ['too small, at its bound', z.number().gt(2), 2, ': must be at least 2, and not equal to it'],
  ['too large', z.number().max(2), 3, ': must be at most 2'],
  ['too large, at its bound', z.number().lt(2), 2, ': must be at most 2, and not equal to it'],
  ['too short', z.string().min(3), 'a', ': must be at least 3 characters'],
  ['too few', z.array(z.string()).min(1), [], ': must be at least 1 items'],
  ['too many', z.array(z.string()).max(1), ['a', 'b'], ': must be at most 1 items'],
  ['none of two types', z.union([z.string(), z.number()]), true, ': must be a text or a number; it is true'],
  [
    'none of two types and values',
    z.union([z.enum(['on', 'off']), z.boolean()]),
    'offf',
    ': must be one of on, off; did you mean "off"?',
  ],
  [
    'one of two types, but too short',
    z.union([z.string().min(3), z.array(z.string())]),
    'a',
    ': must be at least 3 characters',
  ],
  [
    'one of two types, with what is inside wrong',
    z.union([z.string(), z.array(z.int())]),
    5,
    ': must be a text or a list; it is a number',
  ],
  [
    'none of several types, of which one has something wrong inside',
    z.union([z.object({ a: z.number() }), z.string()]),
    { a: 'x' },
    ': must be a text; it is an object',
  ],
  [
    'none of several types, of which one says something else',
    z.union([z.number(), z.boolean(), z.string().refine(() => false, 'no')]),
    null,
    ': must be a number or true or false or a text; it is empty',
  ],
  [
    'none of two, of which one fits but for a check',
    z.union([z.templateLiteral(['a', z.number()]), z.number()]),
    'b',
    ': must be a number; it is a text',
  ],
  ['another kind', byKind, { kind: 'fil' }, '"kind": must be one of file, env; did you mean "file"?'],
  ['no kind', byKind, {}, '"kind": is required: file, env'],
  [
    'wrong deep inside',
    z.object({ a: z.array(z.object({ b: z.string() })) }),
    { a: [{ b: 1 }] },
    '"a".0."b": must be a text; it is a number',
  ],
  ['unknown', z.strictObject({}), { clent: 1 }, '"clent": unknown option; did you mean "client"?'],
  ['unknown, and perhaps a secret', z.strictObject({}), { p8eS3cret: 1 }, '"(a key not shown)": unknown option'],
])('says what is %s', (_title, schema, input, expected) => {
  expect(described(schema, input)).toEqual([expected]);
});

it('says where, also below a key that is no text', () => {
  const issue = { code: 'custom' as const, path: [Symbol('x'), 'y'], message: 'is wrong', input: {} };
  expect(describeIssues([issue], {}, () => [])).toEqual([{ path: ['Symbol(x)', 'y'], message: 'is wrong' }]);
});
