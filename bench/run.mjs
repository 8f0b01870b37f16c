// npm run bench [-- NAME…]: runs all measures, or those named, prints them and writes them into docs/benchmarks.md.
// npm run bench -- --short [NAME…]: fewer rounds of those that are quick; writes nothing. For CI.
// A measure is a file of bench/measures: `title`, and `measure(log, { short, atMost, draw })`, which gives its text in Markdown,
// and throws when what it counted is not what it should be. `atMost(what, value, ceiling)`: for ratios, with a ceiling that
// noise does not reach. `draw({ axis, scale, bars })`: shows it in the chart (support/chart.mjs).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chart, inWords } from './support/chart.mjs';
import { machine } from './support/figures.mjs';

/** In the page's order, and whether each has a short form. */
const MEASURES = {
  'warm-calls': true,
  'cold-calls': true,
  'cold-processes': true,
  import: true,
  cli: true,
  'cold-cli': true,
  'cold-token-rtt': true,
  interceptor: true,
  trust: false,
  packages: false,
  fleet: false,
  'store-requests': false,
  'store-away': false,
  agent: true,
  'agent-profiles': false,
};
const NAMES = Object.keys(MEASURES);
const SHORT = NAMES.filter((name) => MEASURES[name]);
const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const CHART = new URL('../docs/benchmarks.svg', import.meta.url);
/** What the chart shows, of the last run of each measure. */
const FIGURES = new URL('figures.json', import.meta.url);
const HEADER = `# Benchmarks

Written by \`npm run bench\` (after \`npm run build\`); each section says how it was run. IMS is the emulator of
\`imsvault/testing\`, or, where other packages are compared, a server that gives a token to each of them in its own way; OpenBao
and moto are real processes on the same machine.
`;

const sections = (page) =>
  new Map(
    [...page.matchAll(/<!-- measure: (\S+) -->\n([\s\S]*?)\n<!-- end -->/g)].map(([, name, text]) => [name, text]),
  );

function read() {
  try {
    return sections(readFileSync(PAGE, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return new Map();
    throw error;
  }
}

const { values: options, positionals: wanted } = parseArgs({
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = wanted.filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`no measure ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  process.exit(2);
}
checkPeers();
for (const name of wanted.length > 0 ? wanted : options.short ? SHORT : NAMES) {
  const startedAt = performance.now();
  try {
    const problems = await run(name);
    for (const problem of problems) console.error(`✗ ${name}: ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  } catch (error) {
    console.error(`✗ ${name}:`, error);
    process.exitCode = 1;
  }
  console.log(`(${name} took ${Math.round((performance.now() - startedAt) / 1000)} s)`);
}

/** @returns what is not as it must be; the page keeps its old section then */
async function run(name) {
  const { title, measure } = await import(`./measures/${name}.mjs`);
  console.log(`\n## ${title}`);
  const problems = [];
  function atMost(what, value, ceiling) {
    if (!(value <= ceiling)) problems.push(`${what}: ${value.toFixed(2)}, more than ${ceiling}`);
  }
  let panel;
  const draw = ({ bars, ...drawn }) => {
    panel = { title, ...drawn, bars: bars.map(([label, value]) => [label, Number(value.toPrecision(4))]) };
  };
  const text = await measure((line) => console.log(`… ${line}`), { short: options.short, atMost, draw });
  console.log(`\n${text}`);
  if (problems.length === 0 && !options.short) write(name, `## ${title}\n${text}`, panel);
  return problems;
}

function write(name, text, panel) {
  const figures = JSON.parse(readFileSync(FIGURES, 'utf8'));
  if (panel !== undefined) {
    figures[name] = panel;
    writeFileSync(FIGURES, `${JSON.stringify(figures, null, 2)}\n`);
  }
  const panels = NAMES.map((each) => figures[each]).filter((each) => each !== undefined);
  writeFileSync(CHART, chart(panels));
  const written = read().set(name, `${text}\n\n\`npm run bench -- ${name}\`, on ${machine()}.`);
  const parts = NAMES.filter((each) => written.has(each)).map(
    (each) => `\n<!-- measure: ${each} -->\n${written.get(each)}\n<!-- end -->\n`,
  );
  writeFileSync(PAGE, `${HEADER}\n![${inWords(panels)}](benchmarks.svg)\n${parts.join('')}`);
}

/** They are no packages of this repository's root, which stays small. */
function checkPeers() {
  const lock = JSON.parse(readFileSync(new URL('package-lock.json', import.meta.url), 'utf8'));
  const isThere = (folder) => existsSync(new URL(`${folder}/package.json`, import.meta.url));
  if (Object.keys(lock.packages).every((folder) => folder === '' || lock.packages[folder].optional || isThere(folder)))
    return;
  console.error('the packages that imsvault is compared with are missing: npm ci --prefix bench');
  process.exit(2);
}
