import type { Command } from 'commander';
import { questionFlags, STORES } from '../init/questions.js';
import type { Io } from './io.js';

export function defineInit(program: Command, io: Io, done: (exitCode: number) => void): void {
  const init = program
    .command('init')
    .description('write a config file: asks, or takes flags; tries the store; prints the policy that it needs')
    .option('--provider <name>', `the store: ${Object.keys(STORES).join(', ')}`);
  for (const { flag, description } of questionFlags()) init.option(`--${flag} <value>`, description);
  init
    .option('--token-store <name>', 'share one token in the same store, under this name')
    .option('--output <file>', 'the config file', 'imsvault.config.yaml')
    .option('--force', 'replace the file')
    .option('--no-check', 'write without trying the store')
    .option('-y, --yes', 'ask nothing: what is missing is an error')
    .action(async (options: Record<string, unknown>, command: Command) => {
      const { runInit } = await import('./commands/init.js');
      const flags = questionFlags().map(({ flag }) => [flag, options[camelCase(flag)] as string | undefined]);
      done(await runInit(command.optsWithGlobals(), Object.fromEntries(flags), io));
    });
}

const camelCase = (flag: string) => flag.replace(/-(\w)/g, (_match, letter: string) => letter.toUpperCase());
