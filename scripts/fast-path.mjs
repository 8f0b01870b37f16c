// How the warm path of the command line is built: CommonJS, because Node starts it sooner (docs/costs.md).
import { build } from 'esbuild';

/** Bundles src/cli/fast-token.ts of `root` into `outfile`; nothing but Node's own modules stays outside. */
export function buildFastPath(root, outfile) {
  return build({
    absWorkingDir: root,
    entryPoints: ['src/cli/fast-token.ts'],
    outfile,
    bundle: true,
    minifySyntax: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.18',
    logLevel: 'warning',
  });
}
