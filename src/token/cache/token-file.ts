import { join } from 'node:path';
import type { BootTime } from '../../clock.js';
import { findCacheFolder } from './cache-folder.js';
import { type CallFacts, callDigest, factsHold } from './facts.js';
import { readOwnedFile } from './owned-file.js';
import { type CachedToken, parseRecord, tokenOf } from './token-record.js';

/** Where the token of one call is kept. */
export interface CachePlace {
  folder: string;
  /** Absolute path of the token's file. */
  file: string;
  salt: string;
  uid: number;
}

export const SALT = /^[0-9a-f]{64}$/;

/** @returns undefined where the folder or its salt is not there yet, or not to be trusted */
export function findCachePlace(facts: CallFacts): CachePlace | undefined {
  const { folder } = findCacheFolder(facts.env, facts.uid, 'use');
  if (folder === undefined) return undefined;
  const { text: salt } = readOwnedFile(saltFile(folder), facts.uid);
  return salt !== undefined && SALT.test(salt) ? placeIn(folder, facts, salt) : undefined;
}

export const saltFile = (folder: string) => join(folder, 'salt');

export function placeIn(folder: string, facts: CallFacts, salt: string): CachePlace {
  return { folder, file: join(folder, `${callDigest(facts, salt).slice(0, 32)}.json`), salt, uid: facts.uid };
}

/**
 * The token that the file holds, if it is the one that a call with these variables gets and can be used now.
 * @returns neither: there is none; `problem`: a file is there that must not be believed
 */
export function readCachedToken(
  { file, uid, salt }: CachePlace,
  env: CallFacts['env'],
  now: number,
  boot: BootTime | undefined,
): { cached?: CachedToken; problem?: string } {
  const { text, problem } = readOwnedFile(file, uid);
  if (problem !== undefined) return { problem: `${file} ${problem}` };
  if (text === undefined) return {};
  const record = parseRecord(text, now);
  if ('problem' in record) return { problem: `${file} ${record.problem}` };
  const cached = factsHold(record.facts, env, salt) ? tokenOf(record, now, boot) : undefined;
  return cached === undefined ? {} : { cached };
}
