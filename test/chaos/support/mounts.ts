import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryFolder } from './memory-folder.js';

/** Whether this process may mount a file system of its own, to fill it up or make it read-only. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    mountTmpfs(memoryFolder())();
    return true;
  } catch {
    return false;
  }
}

/** A file system of 64 KiB over a folder, with the files that the folder had. @returns takes it away */
export function mountTmpfs(folder: string): () => void {
  const content = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', folder], { stdio: 'ignore' });
  for (const [name, bytes] of content) writeFileSync(join(folder, name), bytes, { mode: 0o600 });
  return () => void execFileSync('umount', [folder]);
}

/** @returns makes room again */
export function fillUp(folder: string): () => void {
  const filler = join(folder, 'filler');
  try {
    for (let size = 4096; ; size += 4096) writeFileSync(filler, Buffer.alloc(size));
  } catch {
    // Full.
  }
  return () => rmSync(filler);
}
