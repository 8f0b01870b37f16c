import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error a script without types
import { buildFastPath } from '../../scripts/fast-path.mjs';
import { type BuiltPackage, buildPackage } from './built.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface BuiltCli {
  /** Absolute path of bin/imsvault.cjs. */
  bin: string;
  /** Absolute path of the library's entry. */
  library: string;
  /** Absolute path of the package: what was bundled, and `bin/`. */
  folder: string;
  install: BuiltPackage['install'];
  remove(): Promise<void>;
}

/**
 * The command line as the package has it, with its warm path, from `src/` as it is now.
 * @param entryPoints more of the package's entries, by the names of their bundles
 */
export async function buildCli(entryPoints: Readonly<Record<string, string>> = {}): Promise<BuiltCli> {
  const built = await buildPackage({ cli: 'src/cli/process.ts', index: 'src/index.ts', ...entryPoints });
  await built.install('undici');
  const folder = dirname(built.file('cli'));
  for (const name of ['bin', 'dist']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'dist/cli.js'), "export { run } from '../cli.mjs';\n");
  await buildFastPath(root, join(folder, 'dist/fast-token.cjs'));
  const bin = join(folder, 'bin/imsvault.cjs');
  await copyFile(join(root, 'bin/imsvault.cjs'), bin);
  return { bin, library: built.file('index'), folder, install: built.install, remove: built.remove };
}
