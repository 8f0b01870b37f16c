import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { table } from '../support/figures.mjs';

export const title = 'Packages installed';

const MAX_OWN = 12;
const MAX_MS = 120_000;
const root = fileURLToPath(new URL('../..', import.meta.url));
const STORES = {
  'AWS Secrets Manager': ['@aws-sdk/client-secrets-manager'],
  Vault: ['node-vault'],
  'Azure Key Vault': ['@azure/identity', '@azure/keyvault-secrets'],
};
const PEERS = [
  '@adobe/aio-lib-core-auth',
  '@adobe/aio-lib-ims',
  '@azure/identity',
  'google-auth-library',
  'simple-oauth2',
  'openid-client',
  '@badgateway/oauth2-client',
  '@smithy/property-provider',
];

const npm = async (args, cwd) => (await promisify(execFile)('npm', args, { cwd, timeout: MAX_MS })).stdout;

/** What `npm install` of `specs` brings into an empty folder. */
async function installed(specs) {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', ...specs], folder);
    const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
    const modules = join(folder, 'node_modules');
    // Optional ones of other platforms are in the lockfile alone.
    const present = Object.keys(packages).filter((path) => path !== '' && isFolder(join(folder, path)));
    const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    return { count: present.length, mib: bytes / 2 ** 20 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const isFolder = (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const lockOf = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
/** A package in the version of a lockfile of this repository. */
const pinned = (lock) => (name) => `${name}@${lock[`node_modules/${name}`].version}`;

export async function measure(log) {
  const [sdk, peer] = [pinned(lockOf('package-lock.json')), pinned(lockOf('bench/package-lock.json'))];
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bench-'));
  const rows = [];
  async function row(name, specs) {
    const result = await installed(specs);
    log(`${name}: ${result.count}`);
    rows.push([name, result.count, `${result.mib.toFixed(1)} MiB`]);
    return result.count;
  }
  const quoted = (names) => names.map((name) => `\`${name}\``).join(' and ');
  try {
    const packed = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
    const own = join(folder, JSON.parse(packed)[0].filename);
    const count = await row('`imsvault`', [own]);
    if (count > MAX_OWN) throw new Error(`${count} packages`);
    for (const [store, names] of Object.entries(STORES)) {
      const alone = await row(`${quoted(names)} alone`, names.map(sdk));
      const together = await row(`\`imsvault\` with it, for ${store}`, [own, ...names.map(sdk)]);
      if (together > alone + MAX_OWN) throw new Error(`${store}: ${together} packages, ${alone} of them the SDK's`);
    }
    for (const name of PEERS) await row(`\`${name}\``, [peer(name)]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return `What \`npm install\` of these brings into an empty folder, and the size of its files. The goals are ${MAX_OWN}, and ${MAX_OWN} more than
the store's SDK alone.

${table(['', 'packages', 'size'], rows)}`;
}
