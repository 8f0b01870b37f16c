import { lstat, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { AccessToken } from '../access-token.js';
import { createFileAtomically, writeFileAtomically } from '../atomic-file.js';
import { ConfigInvalidError, vendorCause } from '../errors.js';
import { readClaims } from '../ims/token-claims.js';

/** A file that holds the current token and nothing else, for its user alone. */
export interface TokenFile {
  /** Absolute. */
  readonly path: string;
  /** Readers see the old token or the new one. @throws ERR_CONFIG_INVALID */
  write(token: AccessToken): Promise<void>;
  /** Takes away what was written, and the folder that was made for it. */
  remove(): Promise<void>;
}

/**
 * Writes nothing yet.
 * @param file relative to `cwd`; undefined: in a new folder below `runtimeFolder` or the system's temporary one
 * @param runtimeFolder `XDG_RUNTIME_DIR`: in memory, and emptied when its user logs out
 * @throws ERR_CONFIG_INVALID when that folder cannot be made, or `file` is there and no token that was left in it
 */
export async function openTokenFile(
  file: string | undefined,
  cwd: string,
  runtimeFolder: string | undefined,
): Promise<TokenFile> {
  const option = file === undefined ? '--token-file-env' : '--token-file';
  const path =
    file === undefined ? join(await makeFolder(runtimeFolder || tmpdir(), option), 'token') : resolve(cwd, file);
  let mine = await isLeftOver(path);
  let written = false;
  return {
    path,
    async write(token) {
      try {
        await (mine ? writeFileAtomically : createFileAtomically)(path, token.accessToken, 0o600);
        mine = true;
        written = true;
      } catch (error) {
        throw vendorCause(error).code === 'EEXIST' ? occupied(path) : unwritable(option, path, error);
      }
    },
    async remove() {
      if (file === undefined) await rm(dirname(path), { recursive: true, force: true });
      else if (written) await rm(path, { force: true });
    },
  };
}

/** Longer than any token. */
const MAX_BYTES = 16 * 1024;

/**
 * Whether a file is there that may be replaced, and removed at the end: an empty one, or a token that an `exec` left
 * which was killed. Nothing marks that file, so it must be as that one would have written it.
 * @throws ERR_CONFIG_INVALID where something else is there
 */
async function isLeftOver(path: string): Promise<boolean> {
  // What else can be wrong shows when it is written.
  const entry = await lstat(path).catch(() => undefined);
  if (entry === undefined) return false;
  if (entry.isFile() && entry.size === 0) return true;
  const uid = process.getuid?.();
  const isPrivate = uid === undefined || (entry.uid === uid && (entry.mode & 0o777) === 0o600);
  if (!entry.isFile() || !isPrivate || entry.size > MAX_BYTES) throw occupied(path);
  const text = await readFile(path, 'utf8').catch(() => '');
  const claims = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text) ? readClaims(text) : undefined;
  if (claims?.clientId === undefined || claims.createdAt === undefined) throw occupied(path);
  return true;
}

async function makeFolder(parent: string, option: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'imsvault-exec-'));
  } catch (error) {
    throw unwritable(option, parent, error);
  }
}

function occupied(path: string): ConfigInvalidError {
  return new ConfigInvalidError(
    [{ path: '--token-file', message: `${path} is there already, and holds no token that imsvault exec left` }],
    { hint: 'Name a file of its own, or remove this one: it would be replaced, and deleted at the end.' },
  );
}

function unwritable(option: string, path: string, error: unknown): ConfigInvalidError {
  const cause = vendorCause(error);
  return new ConfigInvalidError(
    [{ path: option, message: `${path} cannot be written (${cause.code ?? cause.name})` }],
    option === '--token-file-env'
      ? { cause, hint: 'XDG_RUNTIME_DIR, else TMPDIR, says where; --token-file names a file elsewhere.' }
      : { cause },
  );
}
