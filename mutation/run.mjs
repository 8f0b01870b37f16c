import { dirname } from 'node:path';
import { Stryker } from '@stryker-mutator/core';

/** Each directory of sources, with the tests that are to find every change in it: fast ones of its own subject. */
const TESTS = {
  'src/ims': ['test/ims/*.test.ts'],
  'src/secret': ['test/secret/*.test.ts', 'test/leaves.test.ts', 'test/observe/channels.test.ts'],
  'src/token': ['test/token/*.test.ts', 'test/token/fleet/*.test.ts'],
  'src/token/fleet': ['test/token/*.test.ts', 'test/token/fleet/*.test.ts'],
  'src/token/cache': ['test/token/cache/*.test.ts'],
  'src/config': ['test/config/*.test.ts'],
};

/** Usage: node mutation/run.mjs [DIRECTORY or FILE]…; without any, everything. */
const wanted = process.argv.slice(2);
for (const [directory, testFiles] of Object.entries(TESTS)) {
  const files = wanted.filter((file) => dirname(file) === directory && !(file in TESTS));
  if (wanted.length > 0 && files.length === 0 && !wanted.includes(directory)) continue;
  const name = directory.replaceAll('/', '-');
  // Fails the process where the score is under its threshold.
  await new Stryker({
    configFile: 'mutation/stryker.config.mjs',
    vitest: { configFile: 'mutation/vitest.config.mjs', related: false },
    mutate: files.length > 0 ? files : [`${directory}/*.ts`, '!**/*.generated.ts'],
    testFiles,
    incrementalFile: `mutation/reports/${name}-incremental.json`,
    jsonReporter: { fileName: `mutation/reports/${name}.json` },
  }).runMutationTest();
}
