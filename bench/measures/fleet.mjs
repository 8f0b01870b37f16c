import { runFleet } from '../fleet/fleet.mjs';
import { hostsProblem } from '../fleet/hosts.mjs';
import { fleetTable, problemsOf } from '../fleet/report.mjs';

export const title = 'A fleet: one exchange per lifetime';

const COMMON = { workers: 200, lifetimes: 20, latencyMs: 200, seed: 1 };

export async function measure(log) {
  const problem = hostsProblem();
  const hosts = problem === undefined ? 10 : 0;
  const runs = [];
  for (const wanted of [
    { ...COMMON, hosts, life: 10, skew: 0 },
    { ...COMMON, hosts, life: 20, skew: 10 },
  ]) {
    const result = await runFleet(wanted, log);
    const problems = problemsOf(result, wanted);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    runs.push([wanted, result]);
  }
  return `Each worker is a process of its own, and ${
    problem === undefined ? 'each host a network namespace' : `all run on loopback (${problem})`
  }. They share one OpenBao and one IMS with 200 ms of
latency, and call \`getToken\` four times a second. Exchanges are counted at IMS, generations in the token document, both
once all workers have started (one for each core at a time); with the start they agree too. Each worker checks every
answer against the end that IMS wrote into the token, and asks IMS about each new token.

${fleetTable(runs)}

A generation comes at 0.8 of the life before it. \`npm run bench:fleet -- --help\` runs one with other figures.`;
}
