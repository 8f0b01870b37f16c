import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
// @ts-expect-error a script without types
import { docTables, insertTables } from '../../scripts/config-docs.mjs';
// @ts-expect-error a script without types
import { configTypes } from '../../scripts/config-types.mjs';
import { everyOption, variableName } from '../../src/config/overrides.js';
import { guardedOptions } from '../../src/config/trust.js';

/** A copy of the module: the schema is made once for a process. */
async function load(copy: string): Promise<typeof import('../../src/config/json-schema.js')> {
  const fresh = ['../../src/config/json-schema.ts', copy].join('?');
  return import(fresh);
}
const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('docs/configuration.md follows from the options; if not: node scripts/generate.mjs', async () => {
  const { profileSchema, agentSchema } = await load('docs');
  const docs = text('docs/configuration.md');
  const tables = docTables({ profileSchema, agentSchema, everyOption, variableName, guardedOptions });
  expect(insertTables(docs, tables)).toBe(docs);
});

it('src/config/options.generated.ts follows from the options; if not: node scripts/generate.mjs', async () => {
  const { profileSchema, agentSchema } = await load('types');
  expect(await configTypes(profileSchema(), agentSchema())).toBe(text('src/config/options.generated.ts'));
});
