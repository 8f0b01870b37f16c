import { systemClock } from '../../src/clock.js';
import { createHttpClient } from '../../src/net/http-client.js';
import type { ProviderContext } from '../../src/secret/provider.js';

/** A context for a provider under test: an empty environment, the real clock, warnings collected. */
export function testContext(overrides: Partial<ProviderContext> = {}): ProviderContext & { warnings: string[] } {
  const warnings: string[] = [];
  return {
    clock: systemClock,
    random: Math.random,
    env: {},
    baseDir: process.cwd(),
    timeoutMs: 5000,
    createHttpClient: (options) => createHttpClient(systemClock, {}, options),
    warn: (message) => warnings.push(message),
    warnings,
    ...overrides,
  };
}
