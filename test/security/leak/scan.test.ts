import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ImsvaultError } from '../../../src/errors.js';
import { redact } from '../../../src/redacted.js';
import { OUTLETS } from './outlets.js';
import { collectEvidence, findLeaks, newMarker } from './scan.js';

const secret = newMarker('secret');

/** Plants the secret; each must be found. */
const PLANTED: readonly [string, unknown][] = [
  ['as it is', `x ${secret} y`],
  ['in base64', Buffer.from(secret).toString('base64')],
  ['in base64 of a pair, as Basic has it', Buffer.from(`id:${secret}`).toString('base64')],
  ['in base64 of a form', Buffer.from(`a=b&client_secret=${secret}&c=d`).toString('base64')],
  ['in base64url', Buffer.from(`{"s":"${secret}"}`).toString('base64url')],
  ['in hex', Buffer.from(secret).toString('hex')],
  ['in HEX', Buffer.from(secret).toString('hex').toUpperCase()],
  ['as a Buffer is printed', [Buffer.from(secret)]],
  ['in a URL', `https://user:${encodeURIComponent(secret)}@example/`],
  ['in a URL, with small letters', encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase())],
  ['in a form', new URLSearchParams({ client_secret: secret }).toString()],
  ['in JSON', JSON.stringify({ secret })],
  ['in JSON in JSON', JSON.stringify({ log: JSON.stringify({ secret }) })],
  ['cut off', `${secret.slice(3, -6)}…`],
  ['in a message', new Error(`refused: ${secret}`)],
  ['in a cause', new Error('x', { cause: new Error('y', { cause: { body: secret } }) })],
  [
    'in a hidden field',
    Object.defineProperty(new Error('x'), 'request', { value: { headers: [secret] }, enumerable: false }),
  ],
  ['under a symbol', { [Symbol('kept')]: { deep: { deeper: { deepest: { down: secret } } } } }],
  ['as a key', { [secret]: 1 }],
  ['in a Map', new Map([['token', secret]])],
  [
    'behind a getter',
    {
      get token() {
        return secret;
      },
    },
  ],
  ['in toJSON', { toJSON: () => ({ secret }) }],
];

describe('the scanner', () => {
  it.each(PLANTED)('finds a secret %s', (_name, value) => {
    const evidence = collectEvidence();
    evidence.hide('client secret', secret);
    evidence.see('a channel', value);
    expect(() => evidence.expectNone()).toThrow(/client secret in a channel/);
  });

  it('finds none where it is wrapped', () => {
    const evidence = collectEvidence();
    evidence.hide('client secret', secret);
    evidence.see('an object', { wrapped: redact(secret), list: [redact(secret)] });
    evidence.see('an error', new ImsvaultError('ERR_SECRET_MALFORMED', `it is ${redact(secret)}`));
    evidence.expectNone();
  });

  it('fails where there is nothing to look for, or nothing to look at', () => {
    const blind = collectEvidence();
    blind.see('a channel', 'text');
    expect(() => blind.expectNone()).toThrow('secrets to look for');
    const evidence = collectEvidence();
    evidence.hide('client secret', secret);
    expect(() => evidence.expectNone()).toThrow('places to look at');
    expect(() => evidence.hide('client secret', 'short')).toThrow('too short');
  });

  it('sees an outlet’s own secret, and others beside it', () => {
    const evidence = collectEvidence();
    const token = newMarker('token');
    evidence.hide('access token', token);
    evidence.hide('client secret', secret);
    evidence.expectOnly('stdout of imsvault token', token, 'access token');
    expect(() => evidence.expectOnly('stdout of imsvault token', 'nothing', 'access token')).toThrow(
      'shows its access token',
    );
    expect(() => evidence.expectOnly('stdout of imsvault token', token + secret, 'access token')).toThrow(
      'client secret in stdout of imsvault token',
    );
  });

  it('looks at every declared outlet in one test or another', () => {
    const tests = ['programs.test.ts', 'library.test.ts'].map((name) =>
      readFileSync(new URL(name, import.meta.url), 'utf8'),
    );
    const looked = [...tests.join('\n').matchAll(/expectOnly\(\s*(['"])(.*?)\1,/g)].map(([, , outlet]) => outlet);
    expect([...new Set(looked)].sort()).toEqual(Object.keys(OUTLETS).sort());
  });

  it('says where it stands without repeating it', () => {
    const [leak = ''] = findLeaks([{ kind: 'token', value: secret }], [{ channel: 'stderr', text: `a ${secret} b` }]);
    expect(leak).toBe('token in stderr: …a «HERE» b…');
  });
});
