import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error a script without types
import { buildFastPath } from '../../scripts/fast-path.mjs';
import { buildPackage } from './built.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface BuiltCli {
  /** Absolute path of bin/imsvault.cjs. */
  bin: string;
  /** Absolute path of the library's entry. */
  library: string;
  remove(): Promise<void>;
}

/**
 * The command line as the package has it, with its warm path, from `src/` as it is now.
 * @param packages of this repository, which it finds
 */
export async function buildCli(packages: readonly string[] = ['undici']): Promise<BuiltCli> {
  const built = await buildPackage({ cli: 'src/cli/process.ts', index: 'src/index.ts' });
  for (const name of packages) await built.install(name);
  const folder = dirname(built.file('cli'));
  for (const name of ['bin', 'dist']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'dist/cli.js'), "export { run } from '../cli.mjs';\n");
  await buildFastPath(root, join(folder, 'dist/fast-token.cjs'));
  const bin = join(folder, 'bin/imsvault.cjs');
  await copyFile(join(root, 'bin/imsvault.cjs'), bin);
  return { bin, library: built.file('index'), remove: built.remove };
}
