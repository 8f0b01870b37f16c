import { type Command, Option } from 'commander';
import { LOG_FORMATS, LOG_LEVELS } from '../observe/log.js';
import { collect } from './collect.js';
import type { ServeCommandOptions } from './commands/serve.js';
import type { Io } from './io.js';

/** @param profiles filled while the command line is read */
export function defineServe(
  program: Command,
  profiles: readonly string[],
  io: Io,
  done: (exitCode: number) => void,
): void {
  program
    .command('serve')
    .description('serve tokens to the programs of this machine, over HTTP and in files; --profile may be repeated')
    .option('--listen <address>', 'ADDRESS:PORT or unix:PATH; repeatable (default: 127.0.0.1:7717)', collect)
    .option('--health-listen <address>', 'where /livez, /readyz and /metrics alone are served; repeatable', collect)
    .option('--allow-remote', 'permit addresses that other machines reach; takes agent.tls in the config')
    .option('--token-file <file>', 'holds the access token that clients must show; made where it does not exist')
    .option('--token-file-mode <mode>', 'its permissions, octal (default: 0600, with --group 0640)')
    .option('--group <group>', 'group of that file and of Unix sockets, a name or a number')
    .option('--once', "write the files of the config's sinks, and end")
    .addOption(new Option('--log-format <format>', 'of the lines on stderr').choices(LOG_FORMATS).default('text'))
    .addOption(
      new Option('--log-level <level>', 'the least important that is logged').choices(LOG_LEVELS).default('info'),
    )
    .action(async (_options, command: Command) => {
      const { runServe } = await import('./commands/serve.js');
      done(await runServe({ ...command.optsWithGlobals<ServeCommandOptions>(), profiles }, io));
    });
}
