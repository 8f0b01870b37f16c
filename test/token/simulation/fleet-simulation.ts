import type { FleetEvent } from '../../../src/token/fleet-options.js';
import { createFleetRenewal } from '../../../src/token/fleet-renewal.js';
import { DEFAULT_RENEWAL } from '../../../src/token/renewal-schedule.js';
import type { TokenDocument } from '../../../src/token/token-document.js';
import { createTokenManager } from '../../../src/token/token-manager.js';
import { createIms, createStore, type Faults } from './servers.js';
import { createRandom, createWorld, type Machine } from './world.js';

export interface Scenario {
  seed: number;
  workers: number;
  lifeMs: number;
  lifetimes: number;
  claimTtlMs: number;
  faults: Faults;
  /** Wall clocks are off by up to this, both ways. */
  maxSkewMs: number;
  /** How many workers stop for good at a random moment of a renewal. */
  crashes: number;
  /** How many workers stand still for a while at a random moment. */
  freezes: number;
  /** How many further workers only read the document. Default 0. */
  consumers?: number;
  /** How often a worker's wall clock is set, by up to `maxSkewMs` both ways. Default 0. */
  jumps?: number;
  /** When the store is away, milliseconds from the start. */
  outages?: readonly { from: number; to: number }[];
  /** Whether the store's answers carry its time. Default true. */
  tellsTime?: boolean;
  /** The worker that is at this step of a renewal stops for good; 1 is the first after 0.75 of the first life. */
  crashStep?: number;
}

export interface Report {
  exchanges: number;
  generations: number;
  crashes: number;
  freezes: number;
  /** What must never happen, each with its moment. */
  violations: string[];
  events: Partial<Record<FleetEvent, number>>;
  storeCalls: number;
  /** The most calls to the store within a minute of an outage. */
  outageCallsPerMinute: number;
  /** How often a caller got no token. */
  refused: number;
  /** Whether `crashStep` was reached. */
  crashed: boolean;
}

/** A fleet over some lifetimes, under faults that the seed decides. */
export async function simulateFleet(scenario: Scenario): Promise<Report> {
  const { workers, lifeMs, lifetimes, claimTtlMs, faults } = scenario;
  const random = createRandom(scenario.seed);
  const world = createWorld();
  const start = world.now;
  const violations: string[] = [];
  const violate = (text: string) => violations.push(`${world.now - start} ms: ${text}`);
  const claimedAt = new Map<string, number>();

  function checkWrite(at: number, before: TokenDocument | undefined, after: TokenDocument): void {
    if (before !== undefined && after.generation < before.generation) violate('the generation went back');
    const [old, fresh] = [before?.renewal, after.renewal];
    if (fresh !== undefined && fresh.id !== old?.id) {
      const since = old === undefined ? undefined : claimedAt.get(old.id);
      if (since !== undefined && at - since < claimTtlMs) violate('two live claims of one generation');
      claimedAt.set(fresh.id, at);
    }
  }

  let steps = 0;
  let crashed = false;
  function onStep(machine: Machine): void {
    if (world.now - start < 0.75 * lifeMs || ++steps !== scenario.crashStep) return;
    machine.crashed = true;
    crashed = true;
  }
  const store = createStore(world, random, faults, checkWrite, { onStep, tellsTime: scenario.tellsTime });
  const ims = createIms(world, random, faults, lifeMs, onStep);
  let refused = 0;
  let outageCallsPerMinute = 0;
  const events: Report['events'] = {};
  // Nobody may wait longer than for others' claims, a round of requests, and an exchange of one's own.
  const bound = 4 * claimTtlMs + 12 * faults.maxLatencyMs + 15_000;
  const span = lifeMs * lifetimes;
  let id = 0;

  function addWorker(isConsumer: boolean): { machine: Machine; run: () => Promise<void> } {
    const machine = world.addMachine((random() * 2 - 1) * scenario.maxSkewMs);
    const renewal = createFleetRenewal({
      store: store.connect(machine),
      identity: 'x'.repeat(43),
      tokenEndpoint: 'https://ims.test',
      ...(isConsumer ? {} : { exchange: ims.connect(machine) }),
      clock: machine.clock,
      random,
      newId: () => `id-${++id}`,
      renewal: DEFAULT_RENEWAL,
      claimTtlMs,
      onMismatch: 'exchange',
      onUnavailable: 'exchange',
      warn: () => undefined,
      onEvent: (event) => {
        events[event] = (events[event] ?? 0) + 1;
      },
    });
    const manager = createTokenManager({
      renew: async (request, signal) => ({ token: await renewal.renew(request, signal), source: 'fleet' }),
      clock: machine.clock,
      random,
    });
    async function run(): Promise<void> {
      await world.delay(machine, random() * 2000);
      while (world.now < start + span) {
        const askedAt = world.now;
        const frozenBefore = machine.frozenUntil;
        const token = await manager.getToken().catch(() => undefined);
        const waited = world.now - askedAt;
        if (token === undefined) refused++;
        if (waited > bound && machine.frozenUntil === frozenBefore) violate(`a caller waited ${waited} ms`);
        if (token !== undefined && ims.expiryOf(token.accessToken) <= world.now) violate('an expired token was served');
        await world.delay(machine, (0.02 + random() * 0.03) * lifeMs);
      }
    }
    return { machine, run };
  }

  const fleet = Array.from({ length: workers + (scenario.consumers ?? 0) }, (_, index) => addWorker(index >= workers));
  for (const worker of fleet) worker.run();
  /** Just before and in the middle of a renewal, where it hurts. */
  const someMoment = () => (Math.floor(random() * lifetimes) + 0.79 + random() * 0.25) * lifeMs;
  const plans = [
    ...Array.from({ length: scenario.crashes }, () => ({ at: someMoment(), kind: 'crash' as const })),
    ...Array.from({ length: scenario.freezes }, () => ({ at: someMoment(), kind: 'freeze' as const })),
  ];
  for (const { at, kind } of plans) {
    const victim = fleet[Math.floor(random() * workers)]?.machine as Machine;
    world.delay(undefined, at).then(() => {
      if (kind === 'crash') victim.crashed = true;
      else victim.frozenUntil = world.now + random() * 3 * claimTtlMs;
    });
  }
  for (let jump = 0; jump < (scenario.jumps ?? 0); jump++) {
    const victim = fleet[Math.floor(random() * workers)]?.machine;
    world.delay(undefined, someMoment()).then(() => victim?.jump((random() * 2 - 1) * scenario.maxSkewMs));
  }
  for (const { from, to } of scenario.outages ?? []) {
    world.delay(undefined, from).then(async () => {
      store.down = true;
      while (world.now - start < to) {
        const before = store.calls;
        await world.delay(undefined, 60_000);
        outageCallsPerMinute = Math.max(outageCallsPerMinute, store.calls - before);
      }
      store.down = false;
    });
  }
  // What has begun may end.
  await world.run(start + span + bound);
  const generations = store.history.at(-1)?.document.generation ?? 0;
  return {
    exchanges: ims.exchanges,
    generations,
    crashes: scenario.crashes,
    freezes: scenario.freezes,
    violations,
    events,
    storeCalls: store.calls,
    outageCallsPerMinute,
    refused,
    crashed,
  };
}
