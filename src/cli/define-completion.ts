import { Argument, type Command } from 'commander';
import type { Io } from './io.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function defineCompletion(program: Command, io: Io, done: (exitCode: number) => void): void {
  program
    .command('completion')
    .description('print the completion script of a shell: source <(imsvault completion bash)')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS))
    .action(async (shell: Shell) => {
      const { runCompletion } = await import('./commands/completion.js');
      done(runCompletion(shell, program, io));
    });
}
