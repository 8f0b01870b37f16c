import { describe, expect, it } from 'vitest';
import { FAULT_ARGUMENTS, parseFault } from '../../src/cli/fault-argument.js';

describe('--fault', () => {
  it.each([
    ['latency:500', { kind: 'latency', ms: 500 }],
    ['throttled', { kind: 'throttled' }],
    ['throttled:120', { kind: 'throttled', retryAfter: '120' }],
    ['throttled:Wed, 21 Oct 2026 07:28:00 GMT', { kind: 'throttled', retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' }],
    ['internal_error', { kind: 'internal_error' }],
    ['unavailable:5', { kind: 'unavailable', retryAfter: '5' }],
    ['response:418', { kind: 'response', status: 418 }],
    ['truncated', { kind: 'truncated' }],
    ['hang', { kind: 'hang' }],
    ['reset', { kind: 'reset' }],
    ['slow:10', { kind: 'slow', intervalMs: 10 }],
    ['redirect:http://127.0.0.1:9/x', { kind: 'redirect', location: 'http://127.0.0.1:9/x' }],
    ['huge:70000', { kind: 'huge', bytes: 70_000 }],
  ])('%s', (text, fault) => {
    expect(parseFault(text)).toEqual(fault);
    expect(FAULT_ARGUMENTS).toContain(fault.kind);
  });

  it.each([
    '',
    'nap',
    'hang:5',
    'latency',
    'latency:',
    'latency:-1',
    'latency:1.5',
    'response:99',
    'response:600',
    'slow:x',
    'huge:999999999',
    'override:x',
    'redirect',
    'throttled:a\r\nb: c',
    'toString',
  ])('not %j', (text) => {
    expect(parseFault(text)).toBeUndefined();
  });
});
