import type { Command } from 'commander';
import { collect, collectUnlessAll } from './collect.js';
import type { Io } from './io.js';

/** @param args the whole command line */
export function defineExec(program: Command, args: readonly string[], io: Io, done: (exitCode: number) => void): void {
  program
    .command('exec')
    .description('run a program with a token in its environment or in a file, and keep the file fresh')
    .usage('[options] -- program [arguments...]')
    .argument('[program...]', 'behind --')
    .option(
      '--env <name>',
      'variable for the token; repeatable (default: FUSION_ACCESS_TOKEN, unless in a file)',
      collect,
    )
    .option('--env-expires <name>', 'variable for its end, ISO 8601')
    .option('--env-client-id <name>', 'variable for its client id')
    .option('--token-file <file>', 'write the token there, renew it, and remove it at the end')
    .option('--token-file-env <name>', "variable for that file's path; without --token-file, a private temporary file")
    .option('--on-renew <action>', 'after a renewal: none, restart, or signal=NAME', 'none')
    .option('--kill-after <duration>', 'from SIGTERM to SIGKILL, at a restart or a second SIGTERM', '30s')
    .option('--min-ttl <duration>', 'the life that the token must still have at the start')
    .option('--keep-env [name]', 'leave it this secret variable, or all of them; repeatable', collectUnlessAll)
    .action(async (operands: string[], _options, command: Command) => {
      const behind = args.includes('--') ? args.slice(args.indexOf('--') + 1) : undefined;
      const { runExec } = await import('./commands/exec.js');
      // Words before the `--` could be a program or a mistaken option: which, is not to be guessed.
      done(await runExec(command.optsWithGlobals(), operands.length === behind?.length ? behind : undefined, io));
    });
}
