import type { Command, CommanderError } from 'commander';
import { ConfigInvalidError } from '../errors.js';

/** The long flags that the program and the commands among `args` know. */
export function flagsOf(program: Command, args: readonly string[]): readonly (string | undefined)[] {
  const named = program.commands.filter((command) => args.includes(command.name()));
  return [program, ...named].flatMap(({ options }) => options.map(({ long }) => long ?? undefined));
}

/** Commander's error as one of ours. @param flags those that are known where it came */
export function usageError({ message }: CommanderError, flags: readonly (string | undefined)[]): ConfigInvalidError {
  const [what = '', suggestion] = message.replace(/^error: /, '').split(/\n(?=\(Did you mean )/);
  // One that takes a value would have taken it.
  const flag = /^unknown option '(--[a-z-]+)=/.exec(what)?.[1];
  if (flag !== undefined && flags.includes(flag))
    return fault(`option '${flag}' takes no value`, `Write ${flag} alone.`);
  return fault(
    withoutValues(what).replace(/\.$/, ''),
    suggestion === undefined ? 'imsvault --help lists the commands.' : suggestion.replace(/^\(|\)$/g, ''),
  );
}

function fault(message: string, hint: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path: '', message, source: 'command line' }], { hint });
}

/** A word that looks like no name, and all that stands after `=`, may be a secret in the wrong place: not repeated. */
function withoutValues(message: string): string {
  const isName = (word: string) => /^-{0,2}[a-z][a-z-]{0,29}$/i.test(word);
  return message
    .replace(/^(unknown option '[^=]*)=[\s\S]*'$/, "$1'")
    .replace(/^(unknown (?:option|command)) '([\s\S]*)'$/, (all, what, word) => (isName(word) ? all : what))
    .replace(/\b(argument|value) '([\s\S]*)' is invalid/, (all, what, word) =>
      isName(word) ? all : `${what} is invalid`,
    );
}
