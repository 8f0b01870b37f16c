import { expect } from 'vitest';
import type { Block } from './blocks.js';
import { CLIENT_ID, CLIENT_SECRET, type Home, type Ran } from './scratch.js';

/** Stays until it is stopped: the next command needs what it serves. */
const STAYS = /^(npx )?imsvault (serve|emulator)\b/;
/** Until it says where it listens, or 10 s. */
const STARTED = 'for i in $(seq 200); do grep -q 127.0.0.1 "$served" && break; sleep 0.05; done';
const SEPARATOR = '--- the next command ---';

export interface Shell {
  /** Texts in place of texts: an address of this machine for a real one. */
  replace?: Readonly<Record<string, string>>;
  /** Commands before the block's, and after. */
  before?: string;
  after?: string;
  env?: Readonly<Record<string, string>>;
}

/**
 * Runs the commands of a block in bash, one after the other, until one fails. Of a console block the answers must be those
 * that it shows.
 */
export async function runCommands(block: Block, home: Home, shell: Shell = {}): Promise<Ran> {
  const { before = '', after = '', env = {} } = shell;
  const isConsole = block.language === 'console';
  const lines = replaced(block.text, shell).trim().split('\n');
  const commands = isConsole ? lines.filter(isCommand).map((line) => line.slice(2)) : lines;
  const script = [
    'set -euo pipefail',
    'served=$HOME/served.log; : >"$served"',
    before,
    ...(isConsole ? [`echo '${SEPARATOR}'`] : []),
    ...commands.map((line) =>
      STAYS.test(line) ? `${line.replace(/ +#.*/, '')} >>"$served" 2>&1 &\n${STARTED}` : line,
    ),
    ...(isConsole ? [`echo '${SEPARATOR}'`] : []),
    after,
  ];
  const ran = await home.run('bash', ['-c', script.join('\n')], env);
  expect(ran.code, `${script.join('\n')}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
  if (isConsole) {
    const answer = lines.filter((line) => !isCommand(line)).join('\n');
    expect(comparable(ran.stdout.split(SEPARATOR)[1]?.trim() ?? '')).toMatch(pattern(comparable(answer)));
  }
  return ran;
}

const isCommand = (line: string) => line.startsWith('$ ');

export function replaced(text: string, { replace = {} }: Shell): string {
  const all = {
    'FUSION_CLIENT_ID=… FUSION_CLIENT_SECRET=…': `FUSION_CLIENT_ID=${CLIENT_ID} FUSION_CLIENT_SECRET=${CLIENT_SECRET}`,
  };
  let result = text;
  for (const [from, to] of Object.entries({ ...all, ...replace })) {
    if (from in replace && !result.includes(from)) throw new Error(`the block does not have "${from}"`);
    result = result.replaceAll(from, () => to);
  }
  return result;
}

/** Without what differs from run to run. */
const comparable = (text: string) => text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replaceAll(/\d+/g, 'N');

/** … stands for anything. */
const pattern = (text: string) =>
  new RegExp(
    `^${text
      .split('…')
      .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      .join('.*')}$`,
  );
