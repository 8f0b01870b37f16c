import { describe, expect, it } from 'vitest';
import { didYouMean, nearest, printable } from '../../src/config/suggest.js';

const known = ['clientId', 'clientSecret', 'path'];

describe('a name that nobody knows', () => {
  it.each([
    ['client_id', 'clientId'],
    ['Client-ID', 'clientId'],
    ['client id', 'clientId'],
    ['clientSecrets', 'clientSecret'],
    ['pth', 'path'],
    ['pa', undefined],
    ['xpxaxtxh', undefined],
    ['a', undefined],
    ['', undefined],
  ])('%j is near to %s', (name, expected) => {
    expect(nearest(name, known)).toBe(expected);
    expect(didYouMean(name, known)).toBe(expected === undefined ? '' : `; did you mean "${expected}"?`);
  });

  it('of one letter may be one step away, and nothing is near where nothing is known', () => {
    expect(nearest('p', ['q'])).toBe('q');
    expect(nearest('path', [])).toBeUndefined();
  });

  it.each([
    ['unknown-Key_', 'unknown-Key_'],
    ['$schema', '$schema'],
    ['x'.repeat(40), 'x'.repeat(40)],
    ['x'.repeat(41), '(a key not shown)'],
    ['p8e4Secret', '(a key not shown)'],
    ['a b', '(a key not shown)'],
    ['-x', '(a key not shown)'],
    ['clientId2', 'clientId2'],
  ])('%j is printed as %s', (key, expected) => {
    expect(printable(key, known)).toBe(expected);
  });

  it('with a digit is not printed where nothing is known', () => {
    expect(printable('clientId2')).toBe('(a key not shown)');
  });
});
