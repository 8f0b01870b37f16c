import { describe, expect, it } from 'vitest';
import { parseConfigText } from '../../src/config/parse-file.js';
import { ConfigInvalidError } from '../../src/errors.js';
import { expectNoSecrets } from '../support/leaks.js';

const SECRET = 'p8e-Sup3rS3cret';
/** The parser has one level for the document itself, which is the first. */
const DEPTH = 99;

function refusal(text: string, name = 'c.yaml'): ConfigInvalidError {
  try {
    parseConfigText(text, name);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigInvalidError);
    return error as ConfigInvalidError;
  }
  throw new Error('it was accepted');
}

describe('parsing a config file', () => {
  it('gives values and their lines', () => {
    const { value, lineOf } = parseConfigText(
      'ims:\n  scope:\n    - a\n    - b\n# x\ncredentials: {provider: env}\n',
      'c.yaml',
    );
    expect(value).toEqual({ ims: { scope: ['a', 'b'] }, credentials: { provider: 'env' } });
    expect(lineOf(['ims', 'scope', 1])).toBe(4);
    expect(lineOf(['credentials', 'provider'])).toBe(6);
    expect(lineOf(['credentials', 'missing', 'deep'])).toBe(6);
    expect(lineOf(['credentials', 'provider', 'deep'])).toBe(6);
    expect(lineOf(['ims', 'scope', 7, 'deep'])).toBe(2);
    expect(lineOf([])).toBeUndefined();
  });

  it('follows anchors and merges', () => {
    const text = 'profiles:\n  a: &a\n    ims: {orgId: x}\n  b:\n    <<: *a\n  c: *a\n';
    const { value, lineOf } = parseConfigText(text, 'c.yaml');
    expect(value).toMatchObject({ profiles: { b: { ims: { orgId: 'x' } }, c: { ims: { orgId: 'x' } } } });
    expect(lineOf(['profiles', 'c', 'ims'])).toBe(3);
  });

  it('takes JSON with tabs and a byte order mark', () => {
    const { value, lineOf } = parseConfigText('\uFEFF{\n\t"ims": {\n\t\t"orgId": "x"\n\t}\n}\n', 'c.json');
    expect(value).toEqual({ ims: { orgId: 'x' } });
    expect(lineOf(['ims', 'orgId'])).toBe(3);
  });

  it.each([
    ['a key given twice', `a: 1\nb: 2\na: ${SECRET}`, 'c.yaml', 'c.yaml:3:1', 'given before'],
    ['an open quote', `a: 1\nb: "${SECRET}`, 'c.yaml', 'c.yaml:2', 'missing'],
    ['a second mapping in a line', `a: b: ${SECRET}`, 'c.yaml', 'c.yaml:1:4', 'needs quotes'],
    ['a tab', `a:\n\tb: ${SECRET}`, 'c.yaml', 'c.yaml:2', 'tabs'],
    ['two documents', `a: 1\n---\nb: ${SECRET}`, 'c.yaml', 'c.yaml:2', 'more than one document'],
    ['a tag', `a: !js/function ${SECRET}`, 'c.yaml', 'c.yaml:1', 'tags'],
    ['a standard tag', `a: !!binary ${SECRET}`, 'c.yaml', 'c.yaml:1', 'tags'],
    ['a key that is a list', `[${SECRET}]: 1`, 'c.yaml', 'c.yaml:1', 'must be a text'],
    ['an unknown alias', `a: ${SECRET}\nb: *nope`, 'c.yaml', 'c.yaml:2:4', 'names no anchor'],
    ['a circle', 'a: &a\n  b: *a', 'c.yaml', 'c.yaml:2:6', 'inside its own anchor'],
    ['aliases of aliases', 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]', 'c.yaml', 'c.yaml:3', 'with aliases'],
    ['many aliases', `a: &a x\nb: [${'*a, '.repeat(51)}]`, 'c.yaml', 'c.yaml:2', 'more than 50 aliases'],
    ['a merge of a list', `<<: [1]\na: ${SECRET}`, 'c.yaml', 'c.yaml', 'no object'],
    ['a comment in JSON', `{\n  "a": "${SECRET}" # x\n}`, 'c.json', 'c.json', 'not valid JSON'],
    ['a trailing comma in JSON', `{"a": "${SECRET}",}`, 'c.json', 'c.json:1', 'not valid JSON'],
    ['single quotes in JSON', `{'a': '${SECRET}'}`, 'c.json', 'c.json:1', 'not valid JSON'],
    ['a key given twice in JSON', `{"a": 1,\n"a": "${SECRET}"}`, 'c.json', 'c.json:2:1', 'given before'],
    ['YAML in JSON', `a: ${SECRET}`, 'c.json', 'c.json', 'not valid JSON'],
    ['nothing', '', 'c.yaml', 'c.yaml', 'empty'],
    ['comments only', '# a\n', 'c.yaml', 'c.yaml', 'empty'],
  ])('refuses %s, and quotes none of it', (_what, text, name, source, message) => {
    const error = refusal(text, name);
    expect(error.problems[0]?.source).toContain(source);
    expect(error.message).toContain(message);
    expectNoSecrets(error, [SECRET]);
  });

  it('tells every syntax error', () => {
    expect(refusal('a: 1\na: 2\nb: 1\nb: 2').problems.map((problem) => problem.source)).toEqual([
      'c.yaml:2:1',
      'c.yaml:4:1',
    ]);
  });

  it('takes as many levels as it says, and not one more', () => {
    const lists = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(parseConfigText(lists(DEPTH), 'c.yaml').value).toBeInstanceOf(Array);
    expect(() => parseConfigText(lists(DEPTH + 1), 'c.yaml')).toThrow('nested more than 100 levels deep');
  });

  it.each([
    ['lists never closed', '['.repeat(1000)],
    ['closed lists', `${'['.repeat(1000)}${']'.repeat(1000)}`],
    ['objects', '{"a":'.repeat(1000)],
    ['dashes', `${'- '.repeat(1000)}x`],
    ['explicit keys', '? '.repeat(1000)],
    ['indentation', Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('refuses what is nested too deeply, of which Node dies: %s', (_title, text) => {
    for (const name of ['c.yaml', 'c.json']) {
      expect(() => parseConfigText(text, name)).toThrow(/^it is nested more than \d+ levels deep \(c\.\w+:\d+:\d+\)$/);
    }
  });
});

describe('what is wrong with a file', () => {
  const problemOf = (text: string, name = 'c.yaml') => refusal(text, name).problems[0];

  it.each([
    ['c.yaml', '{ a: 1, a: 2 }', 'not valid YAML: this key was given before', 'c.yaml:1:9'],
    ['c.json', '{"a": 1, "a": 2}', 'not valid JSON: this key was given before', 'c.json:1:10'],
    ['c.yaml', '%NOPE 5 6\n--- %', 'not valid YAML: a text that begins with this character needs quotes', 'c.yaml:2:5'],
    ['c.yaml', 'a: ]', 'not valid YAML: unexpected text', 'c.yaml:1:4'],
    ['c.yaml', 'a: !!str 5', 'tags ("!…") are not allowed', 'c.yaml:1:10'],
    ['c.json', '{"a": [1,]}', 'not valid JSON: comments, trailing commas and single quotes are YAML', 'c.json'],
    ['c.json', '', 'the config file is empty', 'c.json'],
    ['c.json', 'null', 'the config file is empty', 'c.json'],
    ['c.yaml', '# nothing\n', 'the config file is empty', 'c.yaml'],
    ['c.yaml', '~', 'the config file is empty', 'c.yaml'],
    ['c.yaml', '<<: [1]', 'a "<<" merges something that is no object', 'c.yaml'],
  ])('is told of with its place: %s: %j', (name, text, message, source) => {
    expect(problemOf(text, name)).toStrictEqual({ path: '', message, source });
  });

  it('is said once: JSON that is no YAML either gets no second word', () => {
    expect(refusal('{"a": 1, "a": 2,}', 'c.json').problems).toHaveLength(1);
    // Nor is what holds a syntax error alone called empty.
    expect(refusal('}').problems).toHaveLength(1);
  });
});

it('as many aliases as are allowed are taken, and a mark inside a text is a character', () => {
  const { value } = parseConfigText(`a: &a "x\uFEFFy"\nb: [${'*a, '.repeat(50)}]`, 'c.yaml');
  expect(value).toEqual({ a: 'x\uFEFFy', b: Array(50).fill('x\uFEFFy') });
  const list = `a: &a [x]\nb: [${'*a, '.repeat(50)}]`;
  expect(parseConfigText(list, 'c.yaml').value).toMatchObject({ b: expect.any(Array) });
});
