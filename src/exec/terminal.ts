import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** What a terminal sends to every process of the group in its foreground. */
const OF_THE_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH']);

/** Whether a child in this process's group gets the signal from the terminal too, so that passing it on would double it. */
export function reachesChild(signal: NodeJS.Signals): boolean {
  return OF_THE_TERMINAL.has(signal) && isInForeground();
}

/** Asked at each signal: a shell moves its jobs between foreground and background. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // proc(5): after the name, which may hold anything, come state, ppid, pgrp, session, tty_nr, tpgid.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] === fields[5];
  } catch {
    // No Linux: a terminal at one of these is the likeliest sign.
    return [0, 1, 2].some((descriptor) => isatty(descriptor));
  }
}
