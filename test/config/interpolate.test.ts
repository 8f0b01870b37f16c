import { describe, expect, it } from 'vitest';
import { interpolate, interpolateAll, referencesIn, Unresolved, unresolvedIn } from '../../src/config/interpolate.js';

const env = { NAME: 'value', EMPTY: '', BRACES: '${NAME}' };

describe('interpolation', () => {
  it.each([
    ['plain', 'plain'],
    ['${NAME}', 'value'],
    ['a-${NAME}-${NAME}-b', 'a-value-value-b'],
    ['${MISSING:-fallback}', 'fallback'],
    ['${EMPTY:-fallback}', 'fallback'],
    ['${NAME:-fallback}', 'value'],
    ['${MISSING:-}', ''],
    ['${EMPTY}', ''],
    ['$${NAME}', '${NAME}'],
    ['$NAME and $ and {NAME}', '$NAME and $ and {NAME}'],
    ['${BRACES}', '${NAME}'],
    ['${MISSING:-https://a:8200/x}', 'https://a:8200/x'],
  ])('%s → %s', (text, value) => {
    expect(interpolate(text, env)).toBe(value);
  });

  it('names the variable that is not set', () => {
    const result = interpolate('${MISSING} ${OTHER} ${MISSING}', env) as Unresolved;
    expect(result.problem).toBe(
      'the environment variable MISSING is not set; the environment variable OTHER is not set',
    );
  });

  it.each(['constructor', 'toString', '__proto__'])('%s, which every object has, is no variable', (name) => {
    expect(interpolate(`\${${name}}`, env)).toBeInstanceOf(Unresolved);
    expect(interpolate(`\${${name}:-fallback}`, env)).toBe('fallback');
  });

  it.each(['${', '${NAME', '${}', '${1A}', '${a b}', '${NAME:fallback}', '${NAME-x}', '${p8e-secret}'])(
    'refuses %s without repeating it',
    (text) => {
      const result = interpolate(text, env);
      expect(result).toBeInstanceOf(Unresolved);
      expect((result as Unresolved).problem).toBe(
        '"${" must be followed by a variable\'s name and "}"; write "$${" for a literal "${"',
      );
    },
  );

  it.each([
    ['literal', false, false],
    ['${NAME}', true, false],
    ['${NAME:-}', true, false],
    ['${NAME:-secret}', true, true],
    ['$${NAME}', false, false],
  ])('finds references in %s', (text, any, withDefault) => {
    expect(referencesIn(text)).toEqual({ any, withDefault, names: expect.any(Array) });
  });

  it('names the variables that a text refers to', () => {
    expect(referencesIn('${A} $${B} ${C:-x}${1}').names).toEqual(['A', 'C']);
    expect(referencesIn('${1}')).toEqual({ any: true, withDefault: false, names: [] });
  });

  it('goes through a whole config, and tells where references stand and what could not be made', () => {
    const references: string[] = [];
    const tree = interpolateAll({ a: ['${NAME}', 5, 'x'], b: { c: '${MISSING}' } }, env, (path) => {
      references.push(path.join('.'));
    });
    expect(tree).toEqual({ a: ['value', 5, 'x'], b: { c: expect.any(Unresolved) } });
    expect(references).toEqual(['a.0', 'b.c']);
    expect(unresolvedIn(tree)).toEqual([{ path: ['b', 'c'], problem: 'the environment variable MISSING is not set' }]);
    expect(unresolvedIn({ a: 1 })).toEqual([]);
    expect(unresolvedIn(null)).toEqual([]);
  });
});
