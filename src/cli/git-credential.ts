import { Readable } from 'node:stream';
import { ConfigInvalidError } from '../errors.js';
import type { Io } from './io.js';

export interface GitOptions {
  output: string;
  /** Hosts that may have the token, each `host` or `host:port`. */
  gitHost?: string[];
}

/** Far more than git says. */
const MAX_REQUEST_CHARACTERS = 65_536;

/**
 * Whether the command `token` has a token to print: always, but where git asks, as gitcredentials(7) has it, only for an
 * https address of a host that is named.
 * @param operation what git adds to a helper's command line
 * @throws ERR_CONFIG_INVALID
 */
export async function hasAnswer(
  operation: string | undefined,
  { output, gitHost = [] }: GitOptions,
  io: Pick<Io, 'stdin'>,
): Promise<boolean> {
  if (output !== 'git') {
    if (operation !== undefined) {
      throw new ConfigInvalidError([
        {
          path: '',
          message: "too many arguments for 'token': an operation goes with --output git",
          source: 'command line',
        },
      ]);
    }
    if (gitHost.length > 0) throw new ConfigInvalidError([{ path: '--git-host', message: 'goes with --output git' }]);
    return true;
  }
  if (gitHost.length === 0) {
    throw new ConfigInvalidError([{ path: '--git-host', message: 'name the host that may have the token' }], {
      hint: 'git config credential.helper "!imsvault token --output git --git-host git.example.com"',
    });
  }
  if (!gitHost.every((name) => /^(?:[\w.-]+|\[[\da-f:]+\])(?::\d{1,5})?$/i.test(name))) {
    throw new ConfigInvalidError([
      {
        path: '--git-host',
        message: 'write the host alone, as git names it: git.example.com, or git.example.com:8443',
      },
    ]);
  }
  if (operation === undefined) {
    throw new ConfigInvalidError([{ path: '--output', message: 'git gives an operation: get, store or erase' }]);
  }
  // There is nothing to store or erase, and what is not known is to be ignored.
  if (operation !== 'get') return false;
  const { protocol, host } = await readRequest(io.stdin);
  const allowed = gitHost.map((name) => name.toLowerCase());
  return protocol === 'https' && host !== undefined && allowed.includes(host.toLowerCase());
}

/** Lines of `key=value`, to an empty line or the end. */
async function readRequest(stdin: Io['stdin'] = Readable.from([])): Promise<Record<string, string>> {
  let text = '';
  for await (const part of stdin) {
    text += part;
    if (text.includes('\n\n') || text.length > MAX_REQUEST_CHARACTERS) break;
  }
  const [lines = ''] = text.split('\n\n');
  return Object.fromEntries(
    lines.split('\n').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
  );
}
