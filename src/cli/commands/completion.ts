import type { Command } from 'commander';
import { bashScript } from '../completion/bash.js';
import { commandWords } from '../completion/command-tree.js';
import { fishScript } from '../completion/fish.js';
import { zshScript } from '../completion/zsh.js';
import type { Shell } from '../define-completion.js';
import { EXIT } from '../exit-codes.js';
import type { Io } from '../io.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Prints what a shell needs to complete this program's command lines, made from the program itself. */
export function runCompletion(shell: Shell, program: Command, io: Pick<Io, 'stdout'>): number {
  io.stdout(SCRIPTS[shell](commandWords(program)));
  return EXIT.done;
}
