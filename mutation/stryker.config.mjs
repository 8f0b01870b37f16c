export default {
  testRunner: 'vitest',
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 1,
  incremental: true,
  // On a busy machine a slow test is not one without an end.
  timeoutMS: 20_000,
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 90, break: 90 },
  // Stryker would read it with an interface that TypeScript 7 no longer has; it extends nothing.
  tsconfigFile: 'none',
  disableTypeChecks: false,
  ignorePatterns: ['/.ci', '/dist', '/bench', '/infra', '/mutation/reports'],
};
