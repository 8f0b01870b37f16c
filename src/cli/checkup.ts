import type { Clock } from '../clock.js';
import { printable } from '../terminal-text.js';
import { errorDocument } from './print-error.js';

export type StepStatus = 'ok' | 'warning' | 'failed' | 'skipped';

/** One step of a checkup, done. */
export interface StepResult {
  name: string;
  status: StepStatus;
  /** Whole milliseconds. */
  ms: number;
  /** What was found, or why it was skipped; no secret in it. */
  detail: string;
  error?: Record<string, unknown>;
}

/** What a step found out. */
export interface Finding {
  detail: string;
  /** Something works, but not as it should. */
  warning?: boolean;
}

export interface Checkup {
  readonly results: readonly StepResult[];
  /** The first error, or undefined when every step went well. */
  readonly firstError: unknown;
  /** Runs a step; a step that fails gives undefined, and the checkup goes on. Throws the signal's reason alone. */
  step<T>(name: string, run: () => Promise<Finding & { value?: T }>): Promise<T | undefined>;
  skip(name: string, why: string): void;
}

/**
 * @param signal ends the checkup: the step that it stops is no finding
 * @param report told of each step when it ends
 */
export function createCheckup(clock: Clock, signal: AbortSignal, report: (result: StepResult) => void): Checkup {
  const results: StepResult[] = [];
  let firstError: unknown;
  const add = (result: StepResult) => {
    results.push(result);
    report(result);
  };
  return {
    results,
    get firstError() {
      return firstError;
    },
    async step(name, run) {
      const started = clock.monotonic();
      const ms = () => Math.round(clock.monotonic() - started);
      try {
        const { detail, warning, value } = await run();
        add({ name, status: warning === true ? 'warning' : 'ok', ms: ms(), detail });
        return value;
      } catch (error) {
        signal.throwIfAborted();
        firstError ??= error;
        const document = errorDocument(error);
        add({ name, status: 'failed', ms: ms(), detail: String(document.message), error: document });
        return undefined;
      }
    },
    skip: (name, why) => add({ name, status: 'skipped', ms: 0, detail: why }),
  };
}

const MARKS: Readonly<Record<StepStatus, string>> = { ok: '✓', warning: '!', failed: '✗', skipped: '–' };

/** `✓ read secret     12 ms  version 3`; a failure has its code and its hint on lines of their own. */
export function formatStep({ name, status, ms, detail, error }: StepResult): string {
  const time = status === 'skipped' ? '' : `${ms} ms`;
  const line = `${MARKS[status]} ${name.padEnd(14)} ${time.padStart(8)}  ${printable(detail).replaceAll('\n', '\n    ')}\n`;
  if (error === undefined) return line;
  return `${line}    ${error.code}${error.hint === undefined ? '' : `\n    → ${printable(String(error.hint))}`}\n`;
}
