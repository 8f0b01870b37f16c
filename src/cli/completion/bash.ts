import { type CommandWords, optionPattern, quoted } from './command-tree.js';

export function bashScript(places: readonly CommandWords[]): string {
  const commands = places.slice(1).map(({ at }) => quoted(at));
  const valued = places.flatMap(({ at, options }) =>
    options
      .filter(({ value }) => value !== 'none')
      .map(({ flags, value }) => ({ pattern: optionPattern(at, flags), value })),
  );
  const values = valued.map(({ pattern, value }) => {
    if (value === 'file') return `    ${pattern}) compopt -o default 2>/dev/null; return ;;`;
    return typeof value === 'string' ? `    ${pattern}) return ;;` : `    ${pattern}) words=${list(value)} ;;`;
  });
  const rest = places.map(({ at, words, options }) => {
    const flags = options.flatMap((option) => option.flags);
    return `      ${quoted(at)}) words=${list(words.map(({ word }) => word))} flags=${list(flags)} ;;`;
  });
  return `# bash completion of imsvault. In ~/.bashrc: source <(imsvault completion bash)
_imsvault() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at= words= flags= i
  COMPREPLY=()
  # Bash takes "=" for a word.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${commands.join('|')}) at+=" \${COMP_WORDS[i]}" ;;
    ${valued.map(({ pattern }) => pattern).join('|')}) ((i++)); [[ \${COMP_WORDS[i]} == = ]] && ((i++)) ;;
    *' --')
      # Words of another program.
      if ((i == COMP_CWORD - 1)); then COMPREPLY=($(compgen -c -- "$cur")); else compopt -o default 2>/dev/null; fi
      return ;;
    esac
  done
  case "$at $prev" in
${values.join('\n')}
    *)
      case "$at" in
${rest.join('\n')}
      esac
      [[ $cur == -* ]] && words=$flags ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _imsvault imsvault
`;
}

const list = (words: readonly string[]) => quoted(words.join(' '));
