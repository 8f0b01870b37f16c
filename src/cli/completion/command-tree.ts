import type { Command, Option } from 'commander';

export interface OptionWords {
  /** `-o` and `--output`. */
  flags: string[];
  /** What stands behind it: nothing, or nothing that must; else what to offer for it. */
  value: 'none' | 'text' | 'file' | readonly string[];
  description: string;
}

/** What can stand at one place of a command line. */
export interface CommandWords {
  /** With a space before each word: `''`, `' token'`, `' config validate'`. */
  at: string;
  /** Commands, or what the command's operand can be. */
  words: { word: string; description: string }[];
  options: OptionWords[];
}

/** Every place of the program, its own first. Options of the program may stand behind its commands too. */
export function commandWords(program: Command): CommandWords[] {
  return wordsBelow(
    program,
    '',
    optionsOf(program).filter(({ flags }) => !flags.includes('--version')),
  );
}

function wordsBelow(command: Command, at: string, inherited: readonly OptionWords[]): CommandWords[] {
  const commands = command.createHelp().visibleCommands(command);
  const own = optionsOf(command);
  const known = new Set(own.flatMap(({ flags }) => flags));
  const operands = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((word) => ({ word, description })),
  );
  return [
    {
      at,
      words: [...commands.map((below) => ({ word: below.name(), description: below.description() })), ...operands],
      options: [...own, ...inherited.filter(({ flags }) => !flags.some((flag) => known.has(flag)))],
    },
    ...commands
      .filter((below) => command.commands.includes(below))
      .flatMap((below) => wordsBelow(below, `${at} ${below.name()}`, inherited)),
  ];
}

function optionsOf(command: Command): OptionWords[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      value: expectedValue(option),
      description: option.description,
    }));
}

function expectedValue({ required, argChoices, flags }: Option): OptionWords['value'] {
  if (!required) return 'none';
  if (argChoices !== undefined) return argChoices;
  return /<file>/.test(flags) ? 'file' : 'text';
}

/** `text` as one word of a shell of the Bourne family. */
export const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Patterns of `case` for these options at their places: `' token -o'|' token --output'`. */
export function optionPattern(at: string, flags: readonly string[]): string {
  return flags.map((flag) => quoted(`${at} ${flag}`)).join('|');
}
