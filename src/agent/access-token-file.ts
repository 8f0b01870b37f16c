import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { getuid } from 'node:process';
import type { Clock } from '../clock.js';
import { ConfigInvalidError } from '../errors.js';
import type { AgentAccessToken } from './agent-server.js';
import { openFolder } from './open-folder.js';

export interface AccessTokenFileOptions {
  /** Absolute; made where it does not exist. Its folder must exist. */
  path: string;
  /** Permissions when it is made, and the most that it may have when it is read. Default 0o600. */
  mode?: number;
  /** Its group when it is made, a number. Default: the process's. */
  gid?: number;
  clock: Clock;
  /** Told when the file changes into something that is no token: the old one goes on. */
  warn: (message: string) => void;
}

/** 128 random bits in base64url are 22 characters. */
const TOKEN = /^[\w.~+/=-]{22,512}$/;
const MAX_BYTES = 1024;
/** An old token is taken for at most this long after its file was replaced. */
const LOOK_EVERY_MS = 1000;

/**
 * The token that clients of the agent must show, from its file.
 * @throws ConfigInvalidError where the file is not ours, open to others, or holds no token
 */
export function readAccessToken(options: AccessTokenFileOptions): AgentAccessToken {
  const { path, mode = 0o600, clock, warn } = options;
  const open = openFolder(path);
  if (open !== undefined) throw invalid(path, open);
  if (identityAt(path) === 'ENOENT') makeTokenFile(path, mode, options.gid);
  let held = readTokenFile(path, mode);
  let expected = Buffer.from(held.token, 'latin1');
  let given = Buffer.alloc(expected.length);
  let seen = held.identity;
  let lookedAt = clock.monotonic();

  /** The file may have been replaced: a rotation needs no restart. */
  function look(): void {
    lookedAt = clock.monotonic();
    try {
      const identity = identityAt(path);
      if (identity === seen) return;
      seen = identity;
      held = readTokenFile(path, mode);
      seen = held.identity;
      expected = Buffer.from(held.token, 'latin1');
      given = Buffer.alloc(expected.length);
    } catch (error) {
      warn(`${error instanceof Error ? error.message : 'the token file cannot be read'}; the last token goes on`);
    }
  }

  /** Only the length of a token can be learnt from the time that this takes, and that is no secret. */
  function isEqual(candidate: string): boolean {
    if (candidate.length !== expected.length) return false;
    given.write(candidate, 'latin1');
    return timingSafeEqual(expected, given);
  }

  return {
    matches(candidate) {
      if (clock.monotonic() - lookedAt >= LOOK_EVERY_MS) look();
      if (isEqual(candidate)) return true;
      look();
      return isEqual(candidate);
    },
  };
}

/** Whole or not at all: another process may read it, or make it, at the same moment. */
function makeTokenFile(path: string, mode: number, gid: number | undefined): void {
  const made = `${path}.${randomBytes(6).toString('hex')}`;
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  try {
    const fd = openSync(made, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    try {
      writeSync(fd, `${randomBytes(32).toString('base64url')}\n`);
      if (gid !== undefined) fchownSync(fd, -1, gid);
      fchmodSync(fd, mode);
      fsyncSync(fd);
      linkSync(made, path);
    } finally {
      closeSync(fd);
      unlinkSync(made);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw invalid(path, `cannot be made (${code ?? 'unknown error'})`);
  }
}

function readTokenFile(path: string, mode: number): { token: string; identity: string } {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid(path, code === 'ELOOP' ? 'is a symbolic link' : `cannot be read (${code ?? 'unknown error'})`);
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw invalid(path, 'is no regular file');
    const uid = getuid?.();
    if (uid !== undefined && Number(stats.uid) !== uid && stats.uid !== 0n) {
      throw invalid(path, `belongs to user ${stats.uid}, not to the agent's user ${uid} or root`);
    }
    const wider = Number(stats.mode) & 0o777 & ~mode;
    if (uid !== undefined && wider !== 0) {
      const octal = (value: number) => value.toString(8).padStart(4, '0');
      throw invalid(path, `has mode ${octal(Number(stats.mode) & 0o777)}, wider than ${octal(mode)}`);
    }
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    const token = bytes.toString('latin1', 0, readSync(fd, bytes)).trim();
    if (!TOKEN.test(token)) {
      throw invalid(
        path,
        'holds no token: 22–512 letters, digits and -._~+/= on one line; remove it, and the agent makes one when it starts',
      );
    }
    return { token, identity: identityOf(stats) };
  } finally {
    closeSync(fd);
  }
}

/** Why it cannot be looked at is a state too, of which to warn once. */
function identityAt(path: string): string {
  try {
    return identityOf(lstatSync(path, { bigint: true }));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error';
  }
}

/** A rename brings another inode, a write another time; of both, or of a mode, ctime tells. */
function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.ctimeNs}`;
}

function invalid(path: string, what: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path: '--token-file', message: `${path} ${what}` }]);
}
