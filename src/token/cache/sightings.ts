import { join } from 'node:path';
import { writeFileAtomically } from '../../atomic-file.js';
import type { BootTime } from '../../clock.js';
import type { Sighting, SightingMemory } from '../fleet/claim-watch.js';
import { type Fields, parseObject } from '../fleet/published-token.js';
import { readOwnedFile } from './owned-file.js';

export interface SightingsOptions {
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

/**
 * What claims and failures of others were seen by the processes of this machine, so that one-shot processes do not begin
 * to count anew. Kept for one boot: only its clock runs through them all.
 * @returns undefined where the system does not tell its boot
 */
export function createSightingMemory({ folder, uid, boot }: SightingsOptions): SightingMemory | undefined {
  const first = boot();
  if (first === undefined) return undefined;
  const { id: bootId } = first;
  const file = join(folder, 'first-seen.json');
  const uptimeMs = () => boot()?.ms ?? first.ms;

  /** Id → uptime in milliseconds; nothing where the file cannot be believed. */
  function read(): [string, number][] {
    const { boot: storedId, seen } = parseObject(readOwnedFile(file, uid).text ?? '') ?? {};
    if (storedId !== bootId || typeof seen !== 'object' || seen === null) return [];
    const now = uptimeMs();
    return Object.entries(seen as Fields).flatMap(([id, at]) =>
      ID.test(id) && typeof at === 'number' && at <= now && now - at <= KEPT_MS ? [[id, at] as [string, number]] : [],
    );
  }

  return {
    bootId,
    uptimeMs,
    load: () => read().map(([id, uptimeMs]): Sighting => ({ id, bootId, uptimeMs })),
    // Best effort: a loss costs others one ttl of waiting.
    save(sightings) {
      const all = new Map(read());
      for (const { id, uptimeMs } of sightings) all.set(id, Math.min(uptimeMs, all.get(id) ?? uptimeMs));
      const latest = [...all].sort(([, a], [, b]) => b - a).slice(0, MAX_ENTRIES);
      const text = JSON.stringify({ boot: bootId, seen: Object.fromEntries(latest) });
      void writeFileAtomically(file, text, 0o600).catch(() => undefined);
    },
  };
}
