import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeFileAtomically } from '../src/atomic-file.js';
import { tempFolder } from './config/support.js';
import { type BuiltPackage, buildPackage } from './support/built.js';

let built: BuiltPackage;
beforeAll(async () => {
  built = await buildPackage({ atomic: 'src/atomic-file.ts' });
});
afterAll(() => built.remove());

const BYTES = 4_000_000;
const WRITER = `
const { writeFileAtomically } = await import(process.argv[1]);
for (let round = 0; ; round++) {
  await writeFileAtomically(process.argv[2], String.fromCharCode(97 + (round % 26)).repeat(${BYTES}), 0o600);
  process.stdout.write('.');
}`;

it('a writer that is killed in the middle leaves the file whole', async () => {
  const file = join(await tempFolder(), 'file');
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, built.file('atomic'), file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    // At a temporary file's first bytes, after as many writes as there were rounds.
    for (let writes = 0; writes <= round; writes++) await new Promise((resolve) => child.stdout.once('data', resolve));
    for (let look = 0; look < 100_000; look++) {
      const names = (await readdir(dirname(file))).filter((name) => name.endsWith('.tmp'));
      const sizes = await Promise.all(names.map((name) => stat(join(dirname(file), name)).catch(() => undefined)));
      if (sizes.some((stats) => stats !== undefined && stats.size > 0 && stats.size < BYTES)) break;
    }
    child.kill('SIGKILL');
    await ended;
    const content = await readFile(file, 'utf8');
    expect(content.length).toBe(BYTES);
    expect(content).toBe((content[0] ?? '').repeat(BYTES));
  }
}, 60_000);

it('leaves what was there, and nothing else, when it fails', async () => {
  const folder = await tempFolder();
  await mkdir(join(folder, 'taken/by-a-folder'), { recursive: true });
  await expect(writeFileAtomically(join(folder, 'taken'), 'x', 0o600)).rejects.toHaveProperty('code');
  expect(await readdir(folder)).toEqual(['taken']);
});
