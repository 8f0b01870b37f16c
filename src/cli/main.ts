import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ImsvaultError } from '../errors.js';
import type { ImsFault } from '../testing/index.js';
import { VERSION } from '../version.js';
import { collect } from './collect.js';
import type { TokenCommandOptions } from './commands/token.js';
import { defineCompletion } from './define-completion.js';
import { defineExec } from './define-exec.js';
import { defineInit } from './define-init.js';
import { defineServe } from './define-serve.js';
import { EXIT, exitCodeFor } from './exit-codes.js';
import { FAULT_ARGUMENTS, parseFault } from './fault-argument.js';
import type { GitOptions } from './git-credential.js';
import { Interrupted, type Io } from './io.js';
import { printError } from './print-error.js';
import { TOKEN_OUTPUTS } from './token-output.js';
import { flagsOf, usageError } from './usage-error.js';

/**
 * Runs one command line.
 * @param args without the interpreter and the script
 * @returns the exit code
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = createProgram(args, io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    const format = { json: wantsJson(args), debug: args.includes('--debug') };
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      // The help was printed instead of a line: it is what a command line without a command asks for.
      if (error.code !== 'commander.help') printError(usageError(error, flagsOf(program, args)), io, format);
      return EXIT.usage;
    }
    if (io.signal.aborted) {
      const { reason } = io.signal;
      const interrupted = reason instanceof Interrupted ? reason : undefined;
      printError(new ImsvaultError('ERR_ABORTED', interrupted?.message ?? 'stopped'), io, format);
      return interrupted?.signalName === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
    }
    printError(error, io, format);
    return exitCodeFor(error);
  }
}

interface EmulatorFlags {
  port: number;
  expiresIn: number;
  clientId?: string;
  clientSecretFile?: string;
  fault?: ImsFault;
  faultTimes?: number;
}

function createProgram(args: readonly string[], io: Io, done: (exitCode: number) => void): Command {
  /** In the order in which they were given; most commands take the last. */
  const profiles: string[] = [];
  const program = new Command('imsvault')
    .description('Access tokens for Adobe IMS, from the secret store that holds your client secret.')
    .version(VERSION)
    .option(
      '-c, --config <file>',
      'config file (default: IMSVAULT_CONFIG, else imsvault.config.* found upwards from here)',
    )
    .option('-p, --profile <name>', 'profile of the config file', (name) => {
      profiles.push(name);
      return name;
    })
    .option('--set <path=value>', 'set one config value; repeatable; not for secrets', collect)
    .option('--debug', 'print where an error came from')
    .exitOverride()
    .showSuggestionAfterError()
    // Errors are printed where they are caught; what else goes to stderr is the help.
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr, outputError: () => undefined });

  program
    .command('token')
    .description('print an access token')
    .addOption(
      new Option(
        '-o, --output <format>',
        'raw: the token; json: with its facts; env: an export line; header: an HTTP header; k8s: for kubectl; ' +
          'azure: as the az command has it; git: for credential.helper',
      )
        .choices([...TOKEN_OUTPUTS, 'git'])
        .default('raw'),
    )
    .option('--min-ttl <duration>', 'the life that the token must still have, for example 10m')
    .option('--force', 'exchange even if a usable token is held')
    .option('--no-cache', "neither use nor fill this user's cache of tokens")
    .option('--git-host <host>', 'host that git may send the token to; repeatable', collect)
    .argument('[operation]', 'what git asks of a credential helper, with --output git')
    .action(async (operation: string | undefined, options: GitOptions, command: Command) => {
      const { hasAnswer } = await import('./git-credential.js');
      if (!(await hasAnswer(operation, options, io))) return;
      const { runToken } = await import('./commands/token.js');
      done(await runToken(command.optsWithGlobals<TokenCommandOptions>(), io));
    });

  program
    .command('status')
    .description('show what is known of the token, without an exchange: when it expires, when it renews, what failed')
    .option('--all', 'every profile of the config')
    .option('--check', 'one line; ends with 5 where no usable token is there')
    .option('--min-ttl <duration>', 'the life that a usable token must still have, for example 10m')
    .option('--web', "instead, a link to the running agent's status page; it works once, within a minute")
    .addOption(
      new Option(
        '--agent <address>',
        "for --web: the agent's address, as its --listen, or https://HOST:PORT (default: 127.0.0.1:7717)",
      ).implies({
        web: true,
      }),
    )
    .addOption(
      new Option('--agent-ca <file>', 'for --agent https://…: PEM file of its authority').implies({ web: true }),
    )
    .addOption(new Option('--token-file <file>', "for --web: the agent's token file").implies({ web: true }))
    .addOption(outputOption())
    .action(async (options: { web?: boolean }, command: Command) => {
      if (options.web === true) {
        const { runStatusWeb } = await import('./commands/status-web.js');
        return done(await runStatusWeb(command.optsWithGlobals(), io));
      }
      const { runStatus } = await import('./commands/status.js');
      done(await runStatus(command.optsWithGlobals(), io));
    });

  defineExec(program, args, io, done);

  const config = program.command('config').description('look at the configuration');
  config
    .command('validate')
    .description('check the config file, all of its profiles or the one of --profile; every problem at once')
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
    .command('rotate')
    .description(
      'add a client secret at Adobe, store it, use it, and delete the old one; finishes what was interrupted',
    )
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--yes', 'do not ask before anything is changed')
    .option('--wait', 'before the old one is deleted, wait until Adobe shows that others use the new one')
    .option('--wait-timeout <duration>', 'how long at most', '10m')
    .addOption(outputOption())
    .action(async (_options, command: Command) => {
      const { runRotate } = await import('./commands/rotate.js');
      done(await runRotate(command.optsWithGlobals(), io));
    });

  defineServe(program, profiles, io, done);

  program
    .command('emulator')
    .description('run an emulator of the IMS token endpoint on this machine, for tests and demos')
    .option('--port <number>', 'port on 127.0.0.1; 0 takes a free one', wholeNumber, 0)
    .option('--expires-in <seconds>', 'life of its tokens', wholeNumber, 86_399)
    .option('--client-id <id>', 'the client that it knows (default: emulator-client-id)')
    .option('--client-secret-file <file>', "that client's secret (default: emulator-client-secret)")
    .option('--fault <kind>', `how token requests go wrong: ${FAULT_ARGUMENTS}`, fault)
    .option('--fault-times <number>', 'how many of them go wrong (default: all)', wholeNumber)
    .action(async (options: EmulatorFlags) => {
      const { runEmulator } = await import('./commands/emulator.js');
      const { expiresIn, ...rest } = options;
      done(await runEmulator({ ...rest, expiresInSeconds: expiresIn }, io));
    });

  defineInit(program, io, done);
  defineCompletion(program, io, done);
  return program;
}

const outputOption = () =>
  new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text');

function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}

function fault(value: string): ImsFault {
  const parsed = parseFault(value);
  if (parsed === undefined) throw new InvalidArgumentError(`It must be one of ${FAULT_ARGUMENTS}.`);
  return parsed;
}

/** Read from the words themselves: an error may come before the command line is understood. */
export function wantsJson(args: readonly string[]): boolean {
  // What stands behind `--` are the words of another program.
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  return own.some(
    (arg, index) => /^(--output=|-o)json$/.test(arg) || (/^(-o|--output)$/.test(arg) && own[index + 1] === 'json'),
  );
}
