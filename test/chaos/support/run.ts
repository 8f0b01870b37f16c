// What surrounds a run of the chaos suite: its seed, and the page that it is compared with or writes.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Task } from '@vitest/runner';
import type { TestProject } from 'vitest/node';
import { disagreements, writePage } from './page.js';
import type { Cell } from './reliability.js';
import { createTrust, type Trust } from './trust.js';

const PAGE = new URL('../../../docs/reliability.md', import.meta.url);

export interface ChaosForm {
  /** A sample of the cells, for CI. */
  short: boolean;
  /** Decides the sample, and whatever else a test leaves to chance. */
  seed: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    chaos: ChaosForm;
    trust: Trust;
  }
}

/** What passed under a task, and whether there is anything that did not. */
function outcome(tasks: readonly Task[]): { cells: Cell[]; allPassed: boolean } {
  const tests = tasks.flatMap(function each(task): Task[] {
    return 'tasks' in task ? task.tasks.flatMap(each) : [task];
  });
  const passed = tests.filter(({ result }) => result?.state === 'pass');
  return {
    cells: passed.flatMap(({ meta }) => meta.cells ?? []),
    allPassed: passed.length === tests.length && tasks.every(({ result }) => result?.state === 'pass'),
  };
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { IMSVAULT_CHAOS, IMSVAULT_CHAOS_SEED, IMSVAULT_CHAOS_WRITE } = process.env;
  const short = IMSVAULT_CHAOS === 'short';
  const seed = Number(IMSVAULT_CHAOS_SEED ?? Math.floor(Math.random() * 1e6));
  console.log(`chaos: ${short ? 'short' : 'full'} form, IMSVAULT_CHAOS_SEED=${seed}`);
  project.provide('chaos', { short, seed });
  const { remove, ...trust } = await createTrust();
  project.provide('trust', trust);
  // Node reads it when a process starts; the AWS provider has no other way to trust a private authority.
  process.env.NODE_EXTRA_CA_CERTS = trust.caFile;

  return async () => {
    remove();
    // The run is over: what is thrown here would be printed, and the run still be green.
    try {
      const files = project.vitest.state.getFiles();
      const { cells, allPassed } = outcome(files);
      const page = readFileSync(PAGE, 'utf8');
      if (IMSVAULT_CHAOS_WRITE !== undefined) {
        if (short || !allPassed)
          throw new Error('docs/reliability.md is not written: not every cell was run and passed');
        writeFileSync(PAGE, writePage(page, cells));
        return;
      }
      const { testFiles } = await project.globTestFiles();
      const all = files.length === testFiles.length ? 'page' : 'sections';
      const wrong = disagreements(page, cells, allPassed && !short ? all : 'sample');
      if (wrong.length > 0) {
        const cure = 'IMSVAULT_CHAOS_WRITE=1 npm run test:chaos writes it';
        throw new Error(`docs/reliability.md does not say what was seen (${cure}):\n  ${wrong.join('\n  ')}`);
      }
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    }
  };
}
