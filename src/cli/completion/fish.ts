import type { CommandWords, OptionWords } from './command-tree.js';

export function fishScript(places: readonly CommandWords[]): string {
  const commands = places.slice(1).map(({ at }) => quoted(at));
  const valued = places.flatMap(({ at, options }) =>
    options
      .filter(({ value }) => value !== 'none')
      .flatMap(({ flags }) => flags.map((flag) => quoted(`${at} ${flag}`))),
  );
  const lines = places.flatMap(({ at, words, options }) => {
    const here = `complete -c imsvault -n ${quoted(`__imsvault_at ${quoted(at)}`)}`;
    return [
      ...words.map(({ word, description }) => `${here} -a ${quoted(word)} -d ${quoted(description)}`),
      ...options.map((option) => `${here} ${flagsOf(option)}${offer(option.value)} -d ${quoted(option.description)}`),
    ];
  });
  return `# fish completion of imsvault. In ~/.config/fish/config.fish: imsvault completion fish | source
function __imsvault_at
    set -l at ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch "$at $word"
            case ${commands.join(' ')}
                set at "$at $word"
            case ${valued.join(' ')}
                set skip 1
            case '* --'
                set at ' --'
                break
        end
    end
    test "$at" = "$argv[1]"
end
function __imsvault_program
    set -l words (commandline -opc)
    set -l first (math (contains -i -- -- $words) + 1)
    complete -C (string join ' ' -- (string escape -- $words[$first..-1]) (commandline -ct))
end
complete -c imsvault -f
complete -c imsvault -n "__imsvault_at ' --'" -a '(__imsvault_program)'
${lines.join('\n')}
`;
}

function flagsOf({ flags }: OptionWords): string {
  return flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
}

function offer(value: OptionWords['value']): string {
  if (value === 'none') return '';
  if (value === 'file') return ' -r -F';
  return typeof value === 'string' ? ' -x' : ` -x -a ${quoted(value.join(' '))}`;
}

const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`;
