// Prints a package.json whose dependencies are its own and the named ones of its devDependencies.
// Usage: node only-dependencies.mjs FILE PACKAGE…
import { readFileSync } from 'node:fs';

const [file, ...names] = process.argv.slice(2);
const { name, version, type, license, bin, dependencies, devDependencies } = JSON.parse(readFileSync(file, 'utf8'));
const unknown = names.filter((one) => devDependencies[one] === undefined);
if (unknown.length > 0) throw new Error(`${file} has no version of ${unknown.join(', ')}`);
const chosen = Object.fromEntries(names.map((one) => [one, devDependencies[one]]));
console.log(
  JSON.stringify({ name, version, type, license, bin, dependencies: { ...dependencies, ...chosen } }, null, 2),
);
