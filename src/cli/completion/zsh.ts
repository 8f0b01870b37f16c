import { type CommandWords, type OptionWords, optionPattern, quoted } from './command-tree.js';

export function zshScript(places: readonly CommandWords[]): string {
  const commands = places.slice(1).map(({ at }) => quoted(at));
  const valued = places.flatMap(({ at, options }) =>
    options
      .filter(({ value }) => value !== 'none')
      .map(({ flags, value }) => ({ pattern: optionPattern(at, flags), value })),
  );
  const rest = places.map(
    ({ at, words, options }) => `    ${quoted(at)})
      words_=(${words.map(({ word, description }) => described(word, description)).join(' ')})
      flags_=(${options.flatMap(({ flags, description }) => flags.map((flag) => described(flag, description))).join(' ')}) ;;`,
  );
  return `#compdef imsvault
# zsh completion of imsvault. In ~/.zshrc, after compinit: source <(imsvault completion zsh)
_imsvault() {
  local cur=$words[CURRENT] prev=$words[CURRENT-1] at= i
  local -a words_ flags_
  if [[ $cur == --*=* ]]; then prev=\${cur%%=*}; compset -P '*='; fi
  for ((i = 2; i < CURRENT; i++)); do
    case "$at $words[i]" in
    (${commands.join('|')}) at+=" $words[i]" ;;
    (${valued.map(({ pattern }) => pattern).join('|')}) ((i++)) ;;
    (*' --')
      # Words of another program.
      words=("\${(@)words[i+1,-1]}")
      ((CURRENT -= i))
      _normal
      return ;;
    esac
  done
  case "$at $prev" in
${valued.map(({ pattern, value }) => `    (${pattern}) ${offer(value)}; return ;;`).join('\n')}
  esac
  case "$at" in
${rest.join('\n')}
  esac
  if [[ $cur == -* ]]; then _describe option flags_; else _describe command words_; fi
}
if [[ $funcstack[1] == _imsvault ]]; then _imsvault "$@"; else compdef _imsvault imsvault; fi
`;
}

function offer(value: OptionWords['value']): string {
  if (value === 'file') return '_files';
  return typeof value === 'string' ? 'true' : `compadd -- ${value.map(quoted).join(' ')}`;
}

const described = (word: string, description: string) => quoted(`${word}:${description}`);
