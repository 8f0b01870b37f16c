// What `import('imsvault')` costs: time and memory beside importing an empty module, in alternating processes, and the
// bytes of code that it loads. Prints the rows of docs/costs.md.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const RUNS = Number(process.argv[2] ?? 15);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'imsvault-import-'));
const empty = join(folder, 'empty.mjs');
writeFileSync(empty, 'export {};\n');

const subjects = {
  'an empty module': empty,
  imsvault: join(root, 'dist/index.js'),
  'imsvault/testing': join(root, 'dist/testing.js'),
};

/** Imports in a new process; milliseconds, and bytes of resident memory after it. */
function measure(file) {
  const program = `
    const started = performance.now();
    await import(${JSON.stringify(pathToFileURL(file).href)});
    console.log(JSON.stringify([performance.now() - started, process.memoryUsage.rss()]));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}

/** The files of this package, and the packages, that importing `file` loads. */
function loaded(file) {
  const hook = join(folder, 'hook.mjs');
  writeFileSync(
    hook,
    `import { writeSync } from 'node:fs';
     export async function load(url, context, next) { if (url.startsWith('file:')) writeSync(1, url + '\\n'); return next(url, context); }`,
  );
  const program = `
    import { register } from 'node:module';
    register(${JSON.stringify(pathToFileURL(hook).href)});
    await import(${JSON.stringify(pathToFileURL(file).href)});`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  return output
    .split('\n')
    .filter(Boolean)
    .map((url) => fileURLToPath(url));
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

try {
  const results = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let run = 0; run <= RUNS; run++) {
    for (const [name, file] of Object.entries(subjects)) {
      const result = measure(file);
      if (run > 0) results[name].push(result);
    }
  }
  const base = results['an empty module'];
  console.log(`Node ${process.version}, medians of ${RUNS} alternating processes\n`);
  console.log('| import of | time | more than empty | memory more than empty | own code | packages loaded |');
  console.log('|---|---|---|---|---|---|');
  for (const [name, file] of Object.entries(subjects)) {
    const ms = median(results[name].map(([time]) => time));
    const more = median(results[name].map(([time], index) => time - base[index][0]));
    const memory = median(results[name].map(([, rss], index) => rss - base[index][1])) / 2 ** 20;
    const files = loaded(file);
    const own = files.filter((path) => path.startsWith(join(root, 'dist')));
    const bytes = own.reduce((sum, path) => sum + statSync(path).size, 0);
    const packages = new Set(files.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));
    console.log(
      `| ${name} | ${ms.toFixed(1)} ms | ${more.toFixed(1)} ms | ${memory.toFixed(1)} MiB | ${(bytes / 1024).toFixed(1)} KiB in ${own.length} files | ${[...packages].join(', ') || 'none'} |`,
    );
    if (packages.size > 0) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
