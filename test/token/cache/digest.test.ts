import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { sha256 } from '../../../src/token/cache/digest.js';

it('is SHA-256, at every length around its blocks and for every kind of character', () => {
  const texts = [...Array.from({ length: 200 }, (_, length) => 'ab😀ü'.repeat(length)), '\u0000'.repeat(119)];
  for (const text of texts) {
    for (const part of [text, text.slice(0, 55), text.slice(0, 56), text.slice(0, 64), text.slice(1)]) {
      const expected = createHash('sha256').update(part).digest('hex');
      expect(sha256(part), `${part.length} characters`).toBe(expected);
    }
  }
});
