// Builds dist/: one bundle for each entry of the library, what they share in chunks, declarations beside them; and the
// command line, in one file. zod, yaml, commander and pino are bundled, so that installing imsvault installs
// few packages and importing them is quick. The vendors' SDKs stay outside, and undici's entry: they are the user's choice.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildFastPath } from './fast-path.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const { dependencies, peerDependencies } = require('../package.json');

/** See src/net/undici-inner.ts. `external` would leave out the files of a package with it. */
const filesOfUndici = {
  name: 'files of undici',
  setup({ onResolve }) {
    onResolve({ filter: /^undici\// }, ({ path }) => ({ path: require.resolve(path) }));
  },
};

/** A module that a user names imports them from imsvault/provider, and the command line must know what it throws and wraps. */
const SHARED = ['errors', 'redacted'];
const sharedWithLibrary = {
  name: 'shared with the library',
  setup({ onResolve }) {
    onResolve({ filter: /\/(errors|redacted)\.js$/ }, ({ path, resolveDir }) => {
      const name = SHARED.find((one) => join(resolveDir, path) === join(root, `src/${one}.js`));
      return name === undefined ? undefined : { path: `./${name}.js`, external: true };
    });
  },
};

const options = {
  metafile: true,
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)],
  // commander is CommonJS and requires Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
  legalComments: 'none',
  logLevel: 'warning',
};

rmSync(join(root, 'dist'), { recursive: true, force: true });
const library = await build({
  ...options,
  entryPoints: {
    ...Object.fromEntries(SHARED.map((name) => [name, `src/${name}.ts`])),
    index: 'src/index.ts',
    provider: 'src/provider-api.ts',
    http: 'src/http/index.ts',
    aio: 'src/aio/index.ts',
    otel: 'src/observe/otel.ts',
    testing: 'src/testing/index.ts',
  },
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  plugins: [filesOfUndici],
});
// Forty chunks take a fifth of a cold command's time to load.
const commandLine = await build({
  ...options,
  entryPoints: { cli: 'src/cli/process.ts' },
  minifyWhitespace: true,
  minifySyntax: true,
  plugins: [filesOfUndici, sharedWithLibrary],
});
await buildFastPath(root, join(root, 'dist/fast-token.cjs'));
execFileSync(process.execPath, [join(root, 'scripts', 'generate.mjs'), '--schema'], { stdio: 'inherit' });
copyFileSync(join(root, 'src/token/fleet/token-document.schema.json'), join(root, 'dist/token-document.schema.json'));
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });

writeNotices([library, commandLine].flatMap(({ metafile }) => Object.keys(metafile.inputs)));

/** The licenses of what was bundled, as they ask for. */
function writeNotices(inputs) {
  const names = inputs
    .map((input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
    .filter((name) => name !== undefined);
  const sections = [...new Set(names)].sort().map((name) => {
    const folder = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = ['LICENSE', 'LICENSE.md', 'license'].map((candidate) => join(folder, candidate)).find(existsSync);
    if (file === undefined) throw new Error(`${name} is bundled, but its license text was not found`);
    return `## ${name} ${version} (${license})\n\n${readFileSync(file, 'utf8').trim()}\n`;
  });
  writeFileSync(
    join(root, 'dist', 'THIRD-PARTY-NOTICES.md'),
    `# Third-party notices\n\nThis package contains the following software.\n\n${sections.join('\n')}`,
  );
}
