import { expect, it } from 'vitest';
import { createScrub } from '../../src/ims/scrub.js';

const SECRET = 'p8e-a/b"c +1';

it.each([
  ['as it is', `wrong: ${SECRET}.`, 'wrong: [redacted].'],
  ['twice', `${SECRET} is not ${SECRET}`, '[redacted] is not [redacted]'],
  ['as it stood in the form', 'wrong: p8e-a%2Fb%22c+%2B1.', 'wrong: [redacted].'],
  ['escaped for a URL, also in small letters', 'wrong: p8e-a%2fb%22c%20%2b1.', 'wrong: [redacted].'],
  ['escaped inside a JSON text', '{"error":"wrong: p8e-a/b\\"c +1."}', '{"error":"wrong: [redacted]."}'],
])('takes a secret out of a text: %s', (_title, text, expected) => {
  expect(createScrub(SECRET)(text)).toBe(expected);
});

it('takes it literally', () => {
  expect(createScrub('a.c')('abc a.c')).toBe('abc [redacted]');
});
