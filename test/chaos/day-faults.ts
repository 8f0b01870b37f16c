import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ImsFault } from '../../src/testing/index.js';
import type { SimulatedEmulator } from '../token/simulation/emulated-ims.js';
import type { SimulatedStore, Trouble } from '../token/simulation/servers.js';

type Random = () => number;

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
const CACHE_FAULTS: ((folder: string, file: string) => void)[] = [
  (_folder, file) => writeFileSync(file, '{"schema":"imsvault-cache/1","access_token":"x'),
  (_folder, file) => writeFileSync(file, readFileSync(file).subarray(0, 100)),
  (_folder, file) => writeFileSync(file, ''),
  (_folder, file) => writeFileSync(file, readFileSync(file, 'utf8').replace('imsvault-cache/1', 'imsvault-cache/2')),
  (_folder, file) => chmodSync(file, 0o644),
  (folder, file) => {
    rmSync(file);
    symlinkSync(join(folder, 'salt'), file);
  },
  (_folder, file) => {
    rmSync(file, { force: true });
    mkdirSync(join(file, 'x'), { recursive: true });
  },
  (_folder, file) => {
    rmSync(file, { force: true });
    execFileSync('mkfifo', [file]);
  },
  (_folder, file) => writeFileSync(`${file}.lock`, ''),
  (_folder, file) => mkdirSync(`${file}.lock`),
  (folder) => rmSync(join(folder, 'salt')),
  (folder) => rmSync(folder, { recursive: true }),
  (folder) => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
  },
  (folder) => chmodSync(folder, 0o777),
];

/** @returns puts it right again */
export function breakCache(runtime: string, random: Random): () => void {
  const folder = join(runtime, 'imsvault');
  try {
    const name = readdirSync(folder).find((each) => each.endsWith('.json') && each !== 'first-seen.json');
    const file = join(folder, name ?? 'none.json');
    // One that is broken already is left as it is: to read a pipe would wait for its writer.
    if (lstatSync(file).isFile()) oneOf(CACHE_FAULTS, random)(folder, file);
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
