// Makes what follows from the options' zod types: the JSON Schema in dist/, the types of a config object, and the
// tables of docs/configuration.md.
//   node scripts/generate.mjs            all of it
//   node scripts/generate.mjs --schema   dist/config.schema.json only (the build)
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [mode] = process.argv.slice(2);

const { outputFiles } = await build({
  absWorkingDir: root,
  stdin: {
    contents: `export { agentSchema, configJsonSchema, profileSchema } from './src/config/json-schema.ts';
      export { everyOption, variableName } from './src/config/overrides.ts';
      export { guardedOptions } from './src/config/trust.ts';`,
    resolveDir: root,
  },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  external: ['undici'],
  logLevel: 'warning',
});
const config = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

mkdirSync(join(root, 'dist'), { recursive: true });
writeFileSync(join(root, 'dist/config.schema.json'), `${JSON.stringify(config.configJsonSchema())}\n`);
if (mode !== '--schema') {
  const { docTables, insertTables } = await import('./config-docs.mjs');
  const { configTypes } = await import('./config-types.mjs');
  const docs = join(root, 'docs/configuration.md');
  writeFileSync(docs, insertTables(readFileSync(docs, 'utf8'), docTables(config)));
  writeFileSync(
    join(root, 'src/config/options.generated.ts'),
    await configTypes(config.profileSchema(), config.agentSchema()),
  );
}
