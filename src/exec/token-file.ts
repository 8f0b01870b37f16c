import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { AccessToken } from '../access-token.js';
import { writeFileAtomically } from '../atomic-file.js';
import { ConfigInvalidError, vendorCause } from '../errors.js';

/** A file that holds the current token and nothing else, for its user alone. */
export interface TokenFile {
  /** Absolute. */
  readonly path: string;
  /** Readers see the old token or the new one. @throws ERR_CONFIG_INVALID */
  write(token: AccessToken): Promise<void>;
  /** Takes away what was written, and the folder that was made for it; a file that was there before it stays. */
  remove(): Promise<void>;
}

/**
 * Writes nothing yet.
 * @param file relative to `cwd`; undefined: in a new folder below `runtimeFolder` or the system's temporary one
 * @param runtimeFolder `XDG_RUNTIME_DIR`: in memory, and emptied when its user logs out
 * @throws ERR_CONFIG_INVALID when that folder cannot be made
 */
export async function openTokenFile(
  file: string | undefined,
  cwd: string,
  runtimeFolder: string | undefined,
): Promise<TokenFile> {
  let written = false;
  const path = file === undefined ? join(await makeFolder(runtimeFolder || tmpdir()), 'token') : resolve(cwd, file);
  return {
    path,
    async write(token) {
      try {
        await writeFileAtomically(path, token.accessToken, 0o600);
        written = true;
      } catch (error) {
        throw unwritable(path, error);
      }
    },
    async remove() {
      if (file === undefined) await rm(dirname(path), { recursive: true, force: true });
      else if (written) await rm(path, { force: true });
    },
  };
}

async function makeFolder(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'imsvault-exec-'));
  } catch (error) {
    throw unwritable(parent, error);
  }
}

function unwritable(path: string, error: unknown): ConfigInvalidError {
  const cause = vendorCause(error);
  return new ConfigInvalidError(
    [{ path: '--token-file', message: `${path} cannot be written (${cause.code ?? cause.name})` }],
    { cause },
  );
}
