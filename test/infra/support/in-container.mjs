// Plays the container: runs the image's command next to an IMS emulator, waits for its health, gets a token, stops it.
// Prints what it saw as JSON. Usage: in-container.mjs APP_FOLDER COMMAND_JSON HEALTHCHECK_JSON
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { getuid } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

const [app, command, healthcheck] = process.argv.slice(2);
const program = `${app}/bin/imsvault.cjs`;
const start = (args) => spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
const emulator = start(['emulator', '--port', '8081']);
await untilItAnswers('http://127.0.0.1:8081/health');
const agent = start(JSON.parse(command));
await untilItAnswers('http://127.0.0.1:7718/readyz');

const [check, ...checkArgs] = JSON.parse(healthcheck);
execFileSync(check, checkArgs);
const accessToken = readFileSync('/run/imsvault/agent-token', 'utf8').trim();
const { status } = await fetch('http://127.0.0.1:7717/v1/token?profile=default', {
  headers: { 'X-Imsvault-Token': accessToken },
});
const mode = (statSync('/run/imsvault/agent-token').mode & 0o777).toString(8);
agent.kill('SIGTERM');
const [exitCode] = await once(agent, 'exit');
let unhealthy = false;
try {
  execFileSync(check, checkArgs);
} catch {
  unhealthy = true;
}
emulator.kill('SIGTERM');
console.log(JSON.stringify({ uid: getuid(), status, mode, exitCode, unhealthy, readOnly: !canWrite(`${app}/x`) }));

async function untilItAnswers(url) {
  for (let tries = 1; ; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (tries === 200) throw new Error(`${url} did not answer`);
    await delay(50);
  }
}

function canWrite(file) {
  try {
    writeFileSync(file, '');
    return true;
  } catch {
    return false;
  }
}
