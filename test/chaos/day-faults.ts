import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImsFault } from '../../src/testing/index.js';
import type { SimulatedEmulator } from '../token/simulation/emulated-ims.js';
import type { SimulatedStore, Trouble } from '../token/simulation/servers.js';

export type Random = () => number;

export const oneOf = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T;

/** Every kind that the emulator has, but for lies about a token's life: nobody could see those. */
function imsFaults(now: number, random: Random): ImsFault[] {
  return [
    { kind: 'latency', ms: random() * 25_000 },
    { kind: 'throttled' },
    { kind: 'throttled', retryAfter: Math.ceil(random() * 60) },
    { kind: 'throttled', retryAfter: new Date(now + 30_000).toUTCString() },
    { kind: 'throttled', retryAfter: 999_999_999 },
    { kind: 'internal_error' },
    { kind: 'unavailable' },
    { kind: 'unavailable', retryAfter: 'soon' },
    { kind: 'response', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
    { kind: 'response', status: 403 },
    { kind: 'truncated' },
    { kind: 'hang' },
    { kind: 'reset' },
    { kind: 'slow', intervalMs: random() * 200 },
    { kind: 'redirect', location: 'https://elsewhere.invalid/' },
    { kind: 'override', json: { access_token: undefined } },
    { kind: 'override', json: { expires_in: -1 } },
    { kind: 'override', json: { token_type: 'mac' } },
    { kind: 'huge', bytes: 100_000 },
  ];
}

const STORE_TROUBLES: readonly Trouble[] = ['away', 'silent', 'denied', 'read-only', 'malformed'];
const CREDENTIAL_TROUBLES = ['away', 'denied', 'gone', 'malformed'] as const;

/** What a user, another program or a bad disk can do to the files of a machine's cache; run as it is, at any moment. */
export const CACHE_FAULTS: Record<string, (folder: string, file: string) => void> = {
  corrupt: (_folder, file) => writeFileSync(file, '{"schema":"imsvault-cache/1","access_token":"x'),
  truncated: (_folder, file) => writeFileSync(file, readFileSync(file).subarray(0, 100)),
  empty: (_folder, file) => writeFileSync(file, ''),
  newer: (_folder, file) =>
    writeFileSync(file, readFileSync(file, 'utf8').replace('imsvault-cache/1', 'imsvault-cache/2')),
  open: (_folder, file) => chmodSync(file, 0o644),
  linked: (folder, file) => {
    rmSync(file);
    symlinkSync(join(folder, 'salt'), file);
  },
  directory: (_folder, file) => {
    rmSync(file, { force: true });
    mkdirSync(join(file, 'x'), { recursive: true });
  },
  pipe: (_folder, file) => {
    rmSync(file, { force: true });
    execFileSync('mkfifo', [file]);
  },
  'a lock that nobody holds': (_folder, file) => writeFileSync(`${file}.lock`, ''),
  'a folder in place of the lock': (_folder, file) => mkdirSync(`${file}.lock`),
  'no salt': (folder) => rmSync(join(folder, 'salt')),
  'no folder': (folder) => rmSync(folder, { recursive: true }),
  'a file in place of the folder': (folder) => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
  },
  'an open folder': (folder) => chmodSync(folder, 0o777),
};

/** @returns puts it right again */
export function breakCache(runtime: string, random: Random): () => void {
  const folder = join(runtime, 'imsvault');
  try {
    const file = readdirSync(folder).find((name) => name.endsWith('.json') && name !== 'first-seen.json');
    oneOf(Object.values(CACHE_FAULTS), random)(folder, join(folder, file ?? 'none.json'));
  } catch {
    // It is broken already.
  }
  return () => rmSync(folder, { recursive: true, force: true });
}

/** @returns puts it right again */
export function breakIms(ims: SimulatedEmulator, now: number, random: Random): () => void {
  const { emulator } = ims;
  if (random() < 0.8) {
    emulator.fail(oneOf(imsFaults(now, random), random));
    return () => emulator.clearFaults();
  }
  // Somebody has rotated the secret by hand.
  emulator.setClientSecrets('client', ['p8e-another']);
  return () => emulator.setClientSecrets('client', ['p8e-simulated']);
}

/** @returns puts it right again */
export function breakStore(store: SimulatedStore, random: Random): () => void {
  store.trouble = oneOf(STORE_TROUBLES, random);
  return () => {
    store.trouble = undefined;
  };
}

/** @returns puts it right again */
export function breakCredential(ims: SimulatedEmulator, random: Random): () => void {
  ims.credentialTrouble = oneOf(CREDENTIAL_TROUBLES, random);
  return () => {
    ims.credentialTrouble = undefined;
  };
}
