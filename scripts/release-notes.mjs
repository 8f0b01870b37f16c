// Prints a version's section of CHANGELOG.md. Fails unless the tag, package.json and the changelog name that version.
// Usage: node scripts/release-notes.mjs v0.1.0
import { readFileSync } from 'node:fs';

const [tag = ''] = process.argv.slice(2);
const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('package.json'));
if (tag !== `v${version}`) throw new Error(`the tag is ${tag}, and package.json says ${version}`);
const section = read('CHANGELOG.md')
  .split(/^## /m)
  .find((text) => text.split(/\s/, 1)[0].replace(/[[\]]/g, '') === version);
const notes = section?.slice(section.indexOf('\n')).trim();
if (!notes) throw new Error(`CHANGELOG.md has no section ${version}`);
console.log(notes);
