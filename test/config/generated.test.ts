import { readFileSync } from 'node:fs';
import { beforeEach, expect, it, vi } from 'vitest';
// @ts-expect-error a script without types
import { docTables, insertTables } from '../../scripts/config-docs.mjs';
// @ts-expect-error a script without types
import { configTypes } from '../../scripts/config-types.mjs';

// The schema is made once for a process; here, for each test.
beforeEach(() => {
  vi.resetModules();
});
const load = () => import('../../src/config/json-schema.js');
const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('docs/configuration.md follows from the options; if not: node scripts/generate.mjs', async () => {
  const { profileSchema, agentSchema } = await load();
  const { everyOption, variableName } = await import('../../src/config/overrides.js');
  const { guardedOptions } = await import('../../src/config/trust.js');
  const docs = text('docs/configuration.md');
  const tables = docTables({ profileSchema, agentSchema, everyOption, variableName, guardedOptions });
  expect(insertTables(docs, tables)).toBe(docs);
});

it('src/config/options.generated.ts follows from the options; if not: node scripts/generate.mjs', async () => {
  const { profileSchema, agentSchema } = await load();
  expect(await configTypes(profileSchema(), agentSchema())).toBe(text('src/config/options.generated.ts'));
});
