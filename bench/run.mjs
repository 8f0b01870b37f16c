// npm run bench [-- NAME…]: runs all measures, or those named, prints them and writes them into docs/benchmarks.md.
// A measure is a file of bench/measures: `title`, and `measure(log)`, which gives its text in Markdown, and throws when
// what it measured is not what it should be.
import { readFileSync, writeFileSync } from 'node:fs';
import { machine } from './support/figures.mjs';

const NAMES = ['cold-calls', 'cold-processes', 'fleet', 'store-requests', 'store-away', 'agent', 'agent-profiles'];
const PAGE = new URL('../docs/benchmarks.md', import.meta.url);
const HEADER = `# Benchmarks

Written by \`npm run bench\` (after \`npm run build\`); each section says how it was run. IMS is the emulator of
\`imsvault/testing\`; OpenBao and moto are real processes on the same machine.
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

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`no measure ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length === 0 ? NAMES : wanted) {
  try {
    const { title, measure } = await import(`./measures/${name}.mjs`);
    console.log(`\n## ${title}`);
    const text = await measure((line) => console.log(`… ${line}`));
    const section = `## ${title}\n${text}\n\n\`npm run bench -- ${name}\`, on ${machine()}.`;
    console.log(`\n${text}`);
    const written = read().set(name, section);
    const parts = NAMES.filter((each) => written.has(each)).map(
      (each) => `\n<!-- measure: ${each} -->\n${written.get(each)}\n<!-- end -->\n`,
    );
    writeFileSync(PAGE, HEADER + parts.join(''));
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}
