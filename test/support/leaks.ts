import { inspect } from 'node:util';
import { expect } from 'vitest';

/** Every way in which an object usually reaches a log. */
export function renderings(value: unknown): string {
  const parts = [inspect(value, { depth: Infinity, showHidden: true, getters: true }), String(value)];
  for (let current: unknown = value, depth = 0; depth < 5 && current instanceof Error; depth++) {
    parts.push(current.stack ?? '', current.message, JSON.stringify(current), inspect(current));
    current = current.cause;
  }
  parts.push(JSON.stringify(value) ?? '');
  return parts.join('\n');
}

/** Fails when any of `secrets` can be read from `value`, in the clear, URL-encoded, or in base64. */
export function expectNoSecrets(value: unknown, secrets: readonly string[]): void {
  const text = typeof value === 'string' ? value : renderings(value);
  for (const secret of secrets) {
    for (const form of [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ]) {
      expect(text.includes(form), `a secret is visible in:\n${text.split(form).join('«SECRET»')}`).toBe(false);
    }
  }
}
