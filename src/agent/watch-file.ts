import { watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../clock.js';

/** An editor and Kubernetes change a file in several steps. */
const DEBOUNCE_MS = 300;
/** Network file systems tell of no change, and a machine may be out of watches. */
const POLL_MS = 30_000;

/**
 * Tells of changes of a file, also when it, or a folder on the way to it, is a link that is put elsewhere, as
 * Kubernetes does with a ConfigMap.
 * @param file absolute path
 * @returns ends it
 */
export async function watchFile(file: string, clock: Clock, onChange: () => void): Promise<() => void> {
  let known = await describe(file);
  let closed = false;
  let isSoon = false;
  let cancel = (): void => undefined;
  let watched = new Map<string, () => void>();

  /** The folder with the file's name, and the one where the file really is. */
  function follow(): void {
    const folders = new Set([dirname(file), ...(known === undefined ? [] : [dirname(known.path)])]);
    const next = new Map<string, () => void>();
    for (const folder of folders) next.set(folder, watched.get(folder) ?? watchFolder(folder));
    for (const [folder, end] of watched) if (!folders.has(folder)) end();
    watched = next;
  }

  function watchFolder(folder: string): () => void {
    try {
      const watcher = watch(folder, { persistent: false }, lookSoon);
      // Polling goes on without it.
      watcher.on('error', () => watcher.close());
      return () => watcher.close();
    } catch {
      return () => undefined;
    }
  }

  /** Not put off by further changes: a busy folder would put it off for ever. */
  function lookSoon(): void {
    if (isSoon || closed) return;
    isSoon = true;
    schedule(DEBOUNCE_MS);
  }

  function schedule(delayMs: number): void {
    cancel();
    cancel = clock.setTimer(() => void look(), delayMs);
  }

  async function look(): Promise<void> {
    isSoon = false;
    const now = await describe(file);
    if (closed) return;
    // While it is not there, it is being replaced; somebody who removes it for good wants no other config either.
    if (now !== undefined && (now.path !== known?.path || now.state !== known.state)) {
      known = now;
      follow();
      onChange();
    }
    if (!isSoon) schedule(POLL_MS);
  }

  follow();
  schedule(POLL_MS);
  return () => {
    closed = true;
    cancel();
    for (const end of watched.values()) end();
  };
}

async function describe(file: string): Promise<{ path: string; state: string } | undefined> {
  try {
    const path = await realpath(file);
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return { path, state: [ino, size, mtimeNs, ctimeNs].join() };
  } catch {
    return undefined;
  }
}
