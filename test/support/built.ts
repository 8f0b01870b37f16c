import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface BuiltPackage {
  /** Absolute path of a bundle. */
  file(name: string): string;
  /** Puts one of this repository's packages where the bundles find it; without that they find none. */
  install(name: string): Promise<void>;
  remove(): Promise<void>;
}

/** Bundles `src/` as it is now, in a folder of its own where no package is installed. */
export async function buildPackage(entryPoints: Readonly<Record<string, string>>): Promise<BuiltPackage> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'imsvault-built-')));
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    external: ['undici', 'node-vault', '@aws-sdk/*', '@azure/*', '@opentelemetry/api'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  return {
    file: (name) => join(folder, `${name}.mjs`),
    async install(name) {
      const link = join(folder, 'node_modules', name);
      await mkdir(dirname(link), { recursive: true });
      await symlink(join(root, 'node_modules', name), link, 'junction');
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
