import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { VERSION } from '../version.js';
import type { TokenCommandOptions } from './commands/token.js';
import { EXIT, exitCodeFor } from './exit-codes.js';
import { Interrupted, type Io } from './io.js';
import { printError } from './print-error.js';
import { TOKEN_OUTPUTS } from './token-output.js';

/**
 * Runs one command line.
 * @param args without the interpreter and the script
 * @returns the exit code
 */
export async function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (io.signal.aborted) {
      const { reason } = io.signal;
      io.stderr(`imsvault: ${reason instanceof Interrupted ? reason.message : 'interrupted'}\n`);
      return reason instanceof Interrupted && reason.signalName === 'SIGTERM' ? 143 : EXIT.interrupted;
    }
    printError(error, io, { json: wantsJson(args), debug: args.includes('--debug') });
    return exitCodeFor(error);
  }
}

function createProgram(io: Io, done: (exitCode: number) => void): Command {
  const program = new Command('imsvault')
    .description('Access tokens for Adobe IMS, from the secret store that holds your client secret.')
    .version(VERSION)
    .option(
      '-c, --config <file>',
      'config file (default: IMSVAULT_CONFIG, else imsvault.config.* found upwards from here)',
    )
    .option('-p, --profile <name>', 'profile of the config file')
    .option('--set <path=value>', 'set one config value; repeatable; not for secrets', collect)
    .option('--debug', 'print where an error came from')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: io.stdout, writeErr: (text) => io.stderr(text.replace(/^error: /, 'imsvault: ')) });

  program
    .command('token')
    .description('print an access token')
    .addOption(
      new Option(
        '-o, --output <format>',
        'raw: the token; json: with its facts; env: an export line; header: an HTTP header',
      )
        .choices(TOKEN_OUTPUTS)
        .default('raw'),
    )
    .option('--min-ttl <duration>', 'the life that the token must still have, for example 10m')
    .option('--force', 'exchange even if a usable token is held')
    .action(async (_options, command: Command) => {
      const { runToken } = await import('./commands/token.js');
      done(await runToken(command.optsWithGlobals<TokenCommandOptions>(), io));
    });

  const config = program.command('config').description('look at the configuration');
  config
    .command('validate')
    .description('check the config file; every problem at once')
    .addOption(outputOption())
    .action(async (_options, command: Command) => {
      const { runConfigValidate } = await import('./commands/config.js');
      done(await runConfigValidate(command.optsWithGlobals(), io));
    });
  config
    .command('show')
    .description('print the resolved config and where each value came from; secrets redacted')
    .addOption(outputOption())
    .action(async (_options, command: Command) => {
      const { runConfigShow } = await import('./commands/config.js');
      done(await runConfigShow(command.optsWithGlobals(), io));
    });
  config
    .command('schema')
    .description('print the JSON Schema of the config file')
    .action(async () => {
      const { runConfigSchema } = await import('./commands/config.js');
      done(runConfigSchema(io));
    });

  program
    .command('doctor')
    .description('try each step from the config to the token, and say what to do about what fails')
    .option('--no-exchange', 'stop before the token request')
    .option('--probe', "after the exchange, read one scenario at Workfront Fusion's API")
    .option('--probe-url <url>', 'base URL of that API', 'https://fusion.adobe.io')
    .option('--organization-id <id>', "Fusion organisation, for the probe's x-organization-id header")
    .option('--gw-region <region>', "for the probe's x-gw-region header, for example or2")
    .addOption(outputOption())
    .action(async (_options, command: Command) => {
      const { runDoctor } = await import('./commands/doctor.js');
      done(await runDoctor(command.optsWithGlobals(), io));
    });

  program
    .command('emulator')
    .description('run an emulator of the IMS token endpoint on this machine, for tests and demos')
    .option('--port <number>', 'port on 127.0.0.1; 0 takes a free one', wholeNumber, 0)
    .option('--expires-in <seconds>', 'life of its tokens', wholeNumber, 86_399)
    .option('--client-id <id>', 'the client that it knows (default: emulator-client-id)')
    .option('--client-secret-file <file>', "that client's secret (default: emulator-client-secret)")
    .action(async (options: { port: number; expiresIn: number; clientId?: string; clientSecretFile?: string }) => {
      const { runEmulator } = await import('./commands/emulator.js');
      done(
        await runEmulator(
          {
            port: options.port,
            expiresInSeconds: options.expiresIn,
            ...(options.clientId === undefined ? {} : { clientId: options.clientId }),
            ...(options.clientSecretFile === undefined ? {} : { clientSecretFile: options.clientSecretFile }),
          },
          io,
        ),
      );
    });

  return program;
}

const outputOption = () =>
  new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text');

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}

/** Read from the words themselves: an error may come before the command line is understood. */
function wantsJson(args: readonly string[]): boolean {
  return args.some(
    (arg, index) => arg === '--output=json' || (/^(-o|--output)$/.test(arg) && args[index + 1] === 'json'),
  );
}

function processIo(): Io {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new Interrupted(name)));
  }
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
    signal: controller.signal,
  };
}
