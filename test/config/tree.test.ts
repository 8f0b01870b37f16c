import { describe, expect, it } from 'vitest';
import { dotted, getAt, isObject, kindOf, mapLeaves, omit, pick, setAt } from '../../src/config/tree.js';
import { redact } from '../../src/redacted.js';

/** An instance of a class whose name is not one, or not a text. */
const instanceNamed = (name: unknown): object => Object.create({ constructor: { name }, __proto__: { inner: 1 } });

describe('the tree of a config', () => {
  it('has objects that are neither lists nor instances of a class', () => {
    expect([{}, Object.create(null)].map(isObject)).toEqual([true, true]);
    expect([[], null, undefined, 'x', 1, new Date(0), redact('x'), () => 1].map(isObject)).toEqual(
      Array(8).fill(false),
    );
  });

  it('is read at a path, through lists, and never through a prototype', () => {
    const tree = { a: [{ b: 1 }], c: null };
    expect(getAt(tree, [])).toBe(tree);
    expect(getAt(tree, ['a', 0, 'b'])).toBe(1);
    expect(getAt(tree, ['a', '0', 'b'])).toBe(1);
    for (const path of [['x'], ['a', 1], ['a', 'length'], ['c', 'd'], ['toString'], ['a', 0, 'b', 'c']]) {
      expect(getAt(tree, path), dotted(path)).toBeUndefined();
    }
  });

  it('is changed in a copy: objects on the way are made, list items are not', () => {
    const tree = { a: [{ b: 1 }, 2], c: 3 };
    expect(setAt(tree, ['a', 0, 'b'], 9)).toEqual({ a: [{ b: 9 }, 2], c: 3 });
    expect(setAt(tree, ['a', 5], 9)).toEqual(tree);
    expect(setAt(tree, ['c', 'd'], 9)).toEqual({ a: [{ b: 1 }, 2], c: { d: 9 } });
    expect(setAt(undefined, ['x', 'y'], 9)).toEqual({ x: { y: 9 } });
    expect(setAt(tree, [], 9)).toBe(9);
    expect(tree).toEqual({ a: [{ b: 1 }, 2], c: 3 });
    const odd = setAt({}, ['__proto__', 'polluted'], 1);
    expect(Object.keys(odd as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('has leaves, which may be replaced with their path known', () => {
    const seen: string[] = [];
    const tree = mapLeaves({ a: [1, { b: null }], c: 'x' }, (value, path) => {
      seen.push(dotted(path));
      return typeof value === 'number' ? value + 1 : value;
    });
    expect(tree).toEqual({ a: [2, { b: null }], c: 'x' });
    expect(seen).toEqual(['a.0', 'a.1.b', 'c']);
  });

  it('gives up keys, or all but some', () => {
    expect(omit({ a: 1, b: 2, c: 3 }, ['a', 'c'])).toEqual({ b: 2 });
    expect(pick({ a: 1, b: 2, c: 3 }, ['a', 'c', 'd'])).toEqual({ a: 1, c: 3 });
  });

  it.each([
    [null, 'empty'],
    [undefined, 'empty'],
    [[1], 'a list'],
    [{ a: 1 }, 'an object'],
    [new Map([['secret', 1]]), 'an instance of Map'],
    [Buffer.from('secret'), 'an instance of Buffer'],
    [new (class {})(), 'an instance of a class'],
    [instanceNamed('no name'), 'an instance of a class'],
    [instanceNamed(' Name'), 'an instance of a class'],
    [instanceNamed('Name\n'), 'an instance of a class'],
    [instanceNamed(5), 'an instance of a class'],
    [instanceNamed(undefined), 'an instance of a class'],
    [true, 'true'],
    ['secret', 'a text'],
    [5, 'a number'],
    [Number.NaN, 'no finite number'],
    [Number.POSITIVE_INFINITY, 'no finite number'],
  ])('says what %j is, and nothing of its content', (value, expected) => {
    expect(kindOf(value)).toBe(expected);
  });
});
