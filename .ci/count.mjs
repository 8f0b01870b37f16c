// Prints "PASSED FAILED" of a vitest JSON report. A live test that did not run counts as failed.
import { readFileSync } from 'node:fs';

const [file, name] = process.argv.slice(2);
const report = JSON.parse(readFileSync(file, 'utf8'));
const skipped = report.testResults.flatMap(({ assertionResults }) =>
  assertionResults.filter(({ status }) => status === 'pending' || status === 'skipped' || status === 'todo'),
);
const notRun = name.includes('live') ? skipped : [];
for (const { fullName } of skipped) console.error(`not run: ${fullName}`);
const brokenFiles = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
);
if (report.numPassedTests === 0) throw new Error('no test ran');
console.log(report.numPassedTests, report.numFailedTests + notRun.length + brokenFiles.length);
