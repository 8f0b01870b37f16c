import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFleetWorker } from '../support/servers.mjs';
import { createHosts } from './hosts.mjs';
import { startStand } from './stand.mjs';

const TICK_MS = 250;
/** So many start at once: in a storm of starts the store would not answer in time. */
const STARTS_AT_ONCE = availableParallelism();
const START_TIMEOUT_MS = 120_000;
/** A generation comes at 0.8–0.95 of the life before it; more than this means that the fleet has stopped. */
const SLOWEST_GENERATION = 1.5;

/**
 * Runs a fleet of real processes and counts what they cost.
 * @param options `workers`; `hosts`: network namespaces, 0 for loopback; `lifetimes`: generations to watch once all have
 *   started; `life`: of a token, seconds; `seed`; `skew`: minutes by which the wall clocks of a third of the hosts are
 *   ahead, and of another third behind (of the workers where there are no hosts); `latencyMs` of IMS
 * @param log gets a line now and then
 */
export async function runFleet({ workers, hosts, lifetimes, life, seed, skew, latencyMs }, log) {
  const network = hosts === 0 ? undefined : createHosts(hosts);
  const running = [];
  let stand;
  /** Digests of all tokens that workers have got, in the order of their first sight. */
  const seen = new Map();
  const failures = [];
  const onInterrupt = () => process.exit(130);
  process.once('SIGINT', onInterrupt).once('SIGTERM', onInterrupt);

  async function start(index) {
    const host = hosts === 0 ? index : index % hosts;
    const job = {
      config: stand.config,
      env: {},
      seed: seed * 100_003 + index,
      skewMs: [0, 1, -1][host % 3] * skew * 60_000,
      tickMs: TICK_MS,
      validate: stand.validate,
    };
    let hasToken = false;
    const worker = startFleetWorker(job, {
      ...(network === undefined ? {} : { command: (program, args) => network.command(host, program, args) }),
      onMessage(message) {
        if (message.kind === 'failure') failures.push(`worker ${index}: ${message.message}`);
        if (message.kind !== 'token') return;
        seen.set(message.digest, (seen.get(message.digest) ?? new Set()).add(index));
        hasToken = true;
      },
    });
    running.push(worker);
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!hasToken) {
      if (!worker.isRunning()) throw new Error(`worker ${index} ended before it had a token`);
      if (performance.now() > deadline) throw new Error(`worker ${index} had no token after ${START_TIMEOUT_MS} ms`);
      await sleep(20);
    }
  }

  async function startAll() {
    let next = 0;
    const lane = async () => {
      while (next < workers) await start(next++);
    };
    await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
  }

  async function waitFor(what, timeoutMs, isDone) {
    const deadline = performance.now() + timeoutMs;
    while (!(await isDone())) {
      if (performance.now() > deadline) throw new Error(`${what}: not within ${Math.round(timeoutMs / 1000)} s`);
      await sleep(100);
    }
  }

  const onLast = () => [...seen.values()].at(-1)?.size ?? 0;

  /** Between two renewals: an exchange that is not published yet belongs to no generation. */
  async function snapshot() {
    let document;
    await waitFor('a moment without a renewal', life * 1000, async () => {
      document = await stand.document();
      return document.renewal === undefined;
    });
    return { exchanges: stand.exchanges(), generation: document.generation, calls: stand.storeRequests.length };
  }

  try {
    stand = await startStand({ lifeSeconds: life, latencyMs, address: network?.address ?? '127.0.0.1' });
    const startedAt = performance.now();
    await startAll();
    log(`${workers} workers started in ${Math.round((performance.now() - startedAt) / 1000)} s`);

    for (const worker of running) worker.measure();
    const before = await snapshot();
    const last = before.generation + lifetimes;
    const measuredAt = performance.now();
    const cpuBefore = cpuTimes();
    await waitFor(`generation ${last}`, lifetimes * life * 1000 * SLOWEST_GENERATION, async () => {
      return (await stand.document()).generation >= last;
    });
    // The next one is made at 0.8 of this one's life.
    const isEverywhere = () => seen.size >= stand.exchanges() && onLast() === workers;
    await waitFor('all on the last token', life * 500, isEverywhere).catch((error) => log(error.message));
    const seconds = (performance.now() - measuredAt) / 1000;
    const cpuAfter = cpuTimes();
    const after = await snapshot();
    const [tokensSeen, onLastToken] = [seen.size, onLast()];

    const reports = await Promise.all(running.map((worker) => worker.stop()));
    const alive = reports.filter((report) => report !== undefined);
    const sum = (name) => alive.reduce((total, report) => total + report[name], 0);
    return {
      seconds,
      cpuShare: 1 - (cpuAfter.idle - cpuBefore.idle) / (cpuAfter.all - cpuBefore.all),
      exchanges: after.exchanges - before.exchanges,
      generations: after.generation - before.generation,
      exchangesInAll: after.exchanges,
      generationsInAll: after.generation,
      tokensSeen,
      onLastToken,
      callsPerWorkerAndLife: (after.calls - before.calls) / workers / (after.generation - before.generation),
      waits: alive.flatMap((report) => report.waits),
      calls: sum('calls'),
      died: reports.length - alive.length,
      failures: sum('failures'),
      expired: sum('expired'),
      invalid: sum('invalid'),
      messages: failures,
      warnings: [...new Set(alive.flatMap((report) => report.warnings))],
    };
  } finally {
    process.removeListener('SIGINT', onInterrupt).removeListener('SIGTERM', onInterrupt);
    await Promise.all(running.map((worker) => worker.isRunning() && worker.kill()));
    await stand?.close();
    network?.remove();
  }
}

/** Of all cores and everything on this machine, since it runs. */
function cpuTimes() {
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const times = cpus().map((core) => core.times);
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.flatMap((each) => Object.values(each))) };
}
