import { join } from 'node:path';
import { writeFileAtomically } from '../../atomic-file.js';
import type { BootTime } from '../../clock.js';
import { type Fields, parseObject } from '../token-document.js';
import { readOwnedFile } from './owned-file.js';

/**
 * What claims and failures of others were seen by earlier processes of this machine, so that one-shot processes do not
 * begin to count anew. Kept for one boot: only its clock runs through them all.
 */
export interface FirstSeenOptions {
  /** The cache's folder. */
  folder: string;
  uid: number;
  /** Where the boot stands; without it nothing is kept. */
  boot: () => BootTime | undefined;
}

/** The longest that a claim or a failure counts is 5 minutes. */
const KEPT_MS = 600_000;
const MAX_ENTRIES = 32;
const ID = /^[\w-]{1,64}$/;

const fileIn = (folder: string) => join(folder, 'first-seen.json');

/** @returns id → milliseconds since it was first seen; empty when the file cannot be believed */
export function loadFirstSeen({ folder, uid, boot }: FirstSeenOptions): Map<string, number> {
  const now = boot();
  const { boot: bootId, seen } = parseObject(readOwnedFile(fileIn(folder), uid).text ?? '') ?? {};
  if (now === undefined || bootId !== now.id || typeof seen !== 'object' || seen === null) return new Map();
  return new Map(
    Object.entries(seen as Fields).flatMap(([id, at]) => {
      const ageMs = typeof at === 'number' ? now.ms - at : Number.NaN;
      return ID.test(id) && ageMs >= 0 && ageMs <= KEPT_MS ? [[id, ageMs] as const] : [];
    }),
  );
}

/**
 * Adds what this process has seen. Best effort: a loss costs others one ttl of waiting.
 * @param ages id → milliseconds since it was first seen
 */
export async function saveFirstSeen(ages: ReadonlyMap<string, number>, options: FirstSeenOptions): Promise<void> {
  const now = options.boot();
  if (now === undefined) return;
  const all = new Map(ages);
  for (const [id, ageMs] of loadFirstSeen(options)) all.set(id, Math.max(ageMs, all.get(id) ?? 0));
  const latest = [...all].sort(([, a], [, b]) => a - b).slice(0, MAX_ENTRIES);
  const seen = Object.fromEntries(latest.map(([id, ageMs]) => [id, now.ms - ageMs]));
  const text = JSON.stringify({ boot: now.id, seen });
  await writeFileAtomically(fileIn(options.folder), text, 0o600).catch(() => undefined);
}
