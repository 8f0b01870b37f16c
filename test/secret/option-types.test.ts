import { describe, expect, it } from 'vitest';
import { Redacted, redact, reveal } from '../../src/redacted.js';
import { durationOption, fileOption, secretOption } from '../../src/secret/option-types.js';

const messages = (result: { error?: { issues: readonly { message: string }[] } | undefined }) =>
  result.error?.issues.map(({ message }) => message);

describe('options of providers', () => {
  it('a secret is covered from the moment it is read, and marked as one that no file may hold', () => {
    const option = secretOption('The token.');
    expect(option.meta()).toEqual({ description: 'The token.', writeOnly: true });
    const secret = option.parse('s3cret');
    expect(secret).toBeInstanceOf(Redacted);
    expect(reveal(secret)).toBe('s3cret');
    const covered = redact('s3cret');
    expect(option.parse(covered)).toBe(covered);
    expect(option.safeParse('').success).toBe(false);
    expect(option.safeParse(7).success).toBe(false);
  });

  it('a file is a path, and its description says from where', () => {
    const option = fileOption('The key.');
    expect(option.meta()?.description).toMatch(
      /^The key\. A path: absolute, `~\/…`, or relative to the config file\.$/,
    );
    expect(option.parse('./key')).toBe('./key');
    expect(option.safeParse('').success).toBe(false);
  });

  it('a duration is milliseconds or a text, within its bounds', () => {
    const option = durationOption('The timeout.', { min: 100, max: 2000 });
    expect(option.meta()).toEqual({ description: 'The timeout.' });
    expect(['100ms', '2s', 100, 2000].map((value) => option.parse(value))).toEqual([100, 2000, 100, 2000]);
    for (const value of [99, 2001, '3s']) {
      expect(messages(option.safeParse(value))).toEqual(['must be between 100 and 2000 milliseconds']);
    }
    expect(messages(option.safeParse('soon'))).toEqual(['write a duration: 500ms, 30s, 10m, 24h, or milliseconds']);
    expect(option.safeParse('soon').error?.issues[0]?.code).toBe('custom');
  });
});
