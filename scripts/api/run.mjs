// Writes docs/api from the docstrings of everything that the package exports; fails where one is missing.
//   node scripts/api/run.mjs            writes
//   node scripts/api/run.mjs --check    writes nothing; fails when docs/api is out of date
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const docs = join(here, '../../docs/api');
const check = process.argv.includes('--check');

if (!existsSync(join(here, 'node_modules'))) {
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
}
const out = check ? mkdtempSync(join(tmpdir(), 'imsvault-api-')) : docs;
const { status } = spawnSync(
  process.execPath,
  ['node_modules/typedoc/bin/typedoc', '--logLevel', 'Warn', '--out', out],
  { cwd: here, stdio: 'inherit' },
);
// It has said what is wrong.
process.exitCode = status === 0 ? 0 : 1;
if (check && status === 0) {
  const outdated = [...new Set([...pagesIn(out), ...pagesIn(docs)])].filter(
    (page) => read(out, page) !== read(docs, page),
  );
  if (outdated.length > 0) {
    console.error(`docs/api is out of date: ${outdated.join(', ')}; run: npm run docs:api`);
    process.exitCode = 1;
  }
}
if (check) rmSync(out, { recursive: true });

function pagesIn(folder) {
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
    : [];
}

function read(folder, page) {
  const file = join(folder, page);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
