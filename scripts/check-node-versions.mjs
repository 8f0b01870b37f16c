// The built package on other versions of Node: the demo, and the command line with nothing but its own line on stderr.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSIONS = process.argv.length > 2 ? process.argv.slice(2) : ['20.18.1', '22', '24', '26'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The program of a version, from the npm package `node`. */
function findNode(version) {
  const print = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  const { stdout, status } = spawnSync('npx', print, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the npm package node@${version} cannot be run`);
  return stdout.trim();
}

function check(claim, holds, output) {
  console.log(`${holds ? '✓' : '✗'} ${claim}`);
  if (holds) return;
  console.log(output);
  process.exitCode = 1;
}

for (const version of VERSIONS) {
  const node = findNode(version);
  const actual = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const demo = spawnSync(node, [join(root, 'scripts/demo.mjs')], { cwd: root, encoding: 'utf8' });
  check(`${actual}: the demo`, demo.status === 0, demo.stdout + demo.stderr);
  const cli = spawnSync(node, [join(root, 'bin/imsvault.cjs'), '--set', 'ims.retry.maxAttempts=1', 'token'], {
    cwd: root,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      IMSVAULT_CACHE: 'off',
      FUSION_CLIENT_ID: 'id',
      FUSION_CLIENT_SECRET: 'secret',
      IMSVAULT_IMS_TOKEN_ENDPOINT: 'http://127.0.0.1:1/ims/token/v3',
    },
  });
  const clean = cli.status === 5 && /^imsvault: ERR_TOKEN_ENDPOINT_UNAVAILABLE: .*\n$/.test(cli.stderr);
  check(`${actual}: the command line, exit 5 and one line`, clean, cli.stdout + cli.stderr);
}
