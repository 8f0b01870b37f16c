import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenManager } from '../../src/token/token-manager.js';
import { createEmulatedIms } from '../token/simulation/emulated-ims.js';
import { startProcess } from '../token/simulation/process.js';
import { CALM, createStore, type StoreKind } from '../token/simulation/servers.js';
import { createRandom, createWorld, type Machine } from '../token/simulation/world.js';
import { breakCache, breakCredential, breakIms, breakStore, oneOf } from './day-faults.js';
import type { DayReport } from './day-report.js';
import { afterFiles, closeFiles } from './support/observed-files.js';
import { createOpenCalls } from './support/open-calls.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** All faults have ended by then. */
const QUIET_AT = 23 * HOUR;

export interface DayOptions {
  seed: number;
  /** `XDG_RUNTIME_DIR` of the machine that keeps its token in a file. */
  runtime: string;
  /** How long a call may take while its process runs. */
  maxWaitMs: number;
  /** After the faults every call gets a token from this long on. */
  maxRecoveryMs: number;
}

const PLACES: readonly (StoreKind | undefined)[] = ['compare-and-swap', 'election', 'none', undefined];
const LIVES = [5 * MINUTE, 15 * MINUTE, HOUR, DAY];

/** One of the hosts. */
interface Host {
  /** Any of its processes. */
  machine: Machine;
  boot: number;
  runtime: string | undefined;
  /** How far its wall clock is off. */
  offMs: number;
  /** Its clocks are left alone until then, milliseconds from the start. */
  calmAt: number;
}

/** A program that asks for its token again and again; it may die, and is started again. */
interface Program {
  host: Host;
  machine: Machine;
  manager: TokenManager;
  callsAtLast: number;
}

/** Four programs on three hosts for 24 hours; the seed decides what they have, and all that goes wrong. */
export async function simulateDay({ seed, runtime, maxWaitMs, maxRecoveryMs }: DayOptions): Promise<DayReport> {
  const random = createRandom(seed * 104_729);
  const world = createWorld(undefined, afterFiles);
  const start = world.now;
  const since = () => world.now - start;
  const kind = oneOf(PLACES, random);
  const lifeMs = oneOf(LIVES, random);
  const network = {
    ...{ maxLatencyMs: 20 + random() * 400, staleRead: 0.05 * random(), lostAnswer: 0.05 * random() },
    ...{ lostRequest: 0.05 * random(), lateWrite: 0.05 * random(), imsFailure: 0, hiddenEntry: 0.05 * random() },
  };
  const ims = createEmulatedIms(world, random, { lifeMs, maxLatencyMs: network.maxLatencyMs });
  const claimSpreadMs = random() < 0.5 ? 0 : 2000;
  const store = kind && createStore(world, random, network, () => undefined, { kind, claimSpreadMs });
  const report: DayReport = {
    ...{ violations: [], place: kind ?? 'no token store', lifeMs, calls: 0, refused: 0, refusals: {}, faults: {} },
    ...{ exchanges: 0, callsAtLast: [], longestWaitMs: 0, imsPerHour: 0, storePerHour: 0, recoveredAfterMs: 0 },
  };
  const violate = (text: string) => report.violations.push(`${Math.round(since())} ms: ${text}`);
  const open = createOpenCalls(world, violate);
  let ids = 0;

  function startOn(host: Host): Pick<Program, 'machine' | 'manager'> {
    const machine = world.addMachine(0, host.machine);
    host.machine = machine;
    const manager = startProcess({
      ...{ machine, random, ims, store, runtime: host.runtime, bootId: `boot-${host.boot}` },
      newId: () => `id-${++ids}`,
    });
    return { machine, manager };
  }

  async function ask(program: Program): Promise<void> {
    const { machine, manager } = program;
    const askedAt = world.now;
    const ended = open.begin(machine);
    const code = await manager.getToken().then(
      ({ accessToken }) => {
        const lateMs = world.now - ims.expiryOf(accessToken);
        if (lateMs >= 0) violate(`a token was served ${Math.round(lateMs)} ms past its expiry`);
        return undefined;
      },
      (error: unknown) => (error as { code?: string }).code ?? String(error),
    );
    ended();
    report.calls++;
    if (since() > QUIET_AT) program.callsAtLast++;
    if (code !== undefined) {
      report.refused++;
      report.refusals[code] = (report.refusals[code] ?? 0) + 1;
      report.recoveredAfterMs = Math.max(report.recoveredAfterMs, since() - QUIET_AT);
      if (!/^ERR_(TOKEN|SECRET)_/.test(code)) violate(`refused with ${code}`);
      if (since() > QUIET_AT + maxRecoveryMs) violate(`refused with ${code}, though nothing is wrong`);
    }
    if (machine.frozenUntil > askedAt) return;
    const waitedMs = world.now - askedAt;
    report.longestWaitMs = Math.max(report.longestWaitMs, waitedMs);
    if (waitedMs > maxWaitMs) violate(`a call took ${Math.round(waitedMs)} ms`);
  }

  async function live(program: Program): Promise<void> {
    const { machine } = program;
    // Also when a call never ends: the loop of a program that has died stops by itself.
    while (since() < DAY) {
      await ask(program);
      await world.delay(machine, 5000 + random() * 2 * MINUTE);
    }
  }

  const hosts = [0, 1, 2].map(
    (index): Host => ({
      machine: world.addMachine((random() - 0.5) * 3000),
      ...{ boot: 1, offMs: 0, calmAt: 0, runtime: index === 0 ? runtime : undefined },
    }),
  );
  const programs = [0, 0, 1, 2].map((index): Program => {
    const host = hosts[index] as Host;
    return { host, callsAtLast: 0, ...startOn(host) };
  });
  for (const program of programs) void world.delay(program.machine, random() * 10_000).then(() => live(program));

  function restart(program: Program, afterMs: number): void {
    open.expectEnds(program.machine, maxWaitMs);
    program.machine.crashed = true;
    void world.delay(undefined, afterMs).then(() => {
      Object.assign(program, startOn(program.host));
      void world.delay(program.machine, 0).then(() => live(program));
    });
  }

  /**
   * Nobody can see that a clock was set back and that the machine slept, when both lies between two looks at the clocks; a
   * process looks once a minute.
   */
  function mayDisturb(host: Host, durationMs: number): boolean {
    if (since() < host.calmAt) return false;
    host.calmAt = since() + durationMs + 3 * MINUTE;
    return true;
  }

  function setClock(host: Host, offMs: number): void {
    if (!mayDisturb(host, 0)) return;
    host.machine.jump(offMs - host.offMs);
    host.offMs = offMs;
  }

  /** Begins a fault; returns what ends it. */
  const faults: Record<string, () => (() => void) | undefined> = {
    ims: () => breakIms(ims, world.now, random),
    credential: () => breakCredential(ims, random),
    store: () => store && breakStore(store, random),
    cache: () => breakCache(runtime, random),
    clock() {
      const host = oneOf(hosts, random);
      setClock(host, oneOf([HOUR, -HOUR, DAY, -DAY, (random() - 0.5) * 20 * MINUTE], random));
      return random() < 0.5 ? () => setClock(host, 0) : undefined;
    },
    freeze() {
      const { machine, host } = oneOf(programs, random);
      const forMs = random() * 10 * MINUTE;
      if (mayDisturb(host, forMs)) machine.frozenUntil = world.now + forMs;
      return undefined;
    },
    suspend() {
      const host = oneOf(hosts, random);
      const forMs = Math.min(random() * (random() < 0.5 ? MINUTE : 2 * HOUR), QUIET_AT - 10 * MINUTE - since());
      if (mayDisturb(host, forMs)) host.machine.suspend(forMs);
      return undefined;
    },
    death() {
      restart(oneOf(programs, random), random() * MINUTE);
      return undefined;
    },
    reboot() {
      const host = oneOf(hosts, random);
      host.machine = world.addMachine(host.machine.clock.now() - world.now);
      host.boot++;
      // It is in memory.
      if (host.runtime !== undefined) rmSync(join(host.runtime, 'imsvault'), { recursive: true, force: true });
      for (const program of programs) if (program.host === host) restart(program, MINUTE + random() * 4 * MINUTE);
      return undefined;
    },
  };

  const endings = new Set<() => void>();
  async function breakThings(): Promise<void> {
    for (;;) {
      await world.delay(undefined, random() * 20 * MINUTE);
      if (since() > QUIET_AT - 40 * MINUTE) return;
      const name = oneOf(Object.keys(faults), random);
      report.faults[name] = (report.faults[name] ?? 0) + 1;
      const end = faults[name]?.();
      if (end === undefined) continue;
      endings.add(end);
      void world.delay(undefined, random() * (random() < 0.5 ? MINUTE : 40 * MINUTE)).then(() => {
        if (endings.delete(end)) end();
      });
    }
  }
  void breakThings();
  void breakThings();
  void world.delay(undefined, QUIET_AT).then(() => {
    for (const end of endings) end();
    for (const host of hosts) setClock(host, 0);
    Object.assign(network, CALM);
  });

  for (let hour = 1; hour <= 24; hour++) {
    const [asked, calls] = [ims.asked.length, store?.calls ?? 0];
    await world.run(start + hour * HOUR);
    report.imsPerHour = Math.max(report.imsPerHour, (ims.asked.length - asked) / programs.length);
    report.storePerHour = Math.max(report.storePerHour, ((store?.calls ?? 0) - calls) / programs.length);
  }
  // What has begun may end.
  await world.run(start + DAY + maxWaitMs);
  for (const { machine } of programs) open.expectEnds(machine, maxWaitMs);
  for (const { manager } of programs) manager.close();
  await closeFiles();
  report.callsAtLast = programs.map(({ callsAtLast }) => callsAtLast);
  report.exchanges = ims.emulator.exchanges;
  return report;
}
