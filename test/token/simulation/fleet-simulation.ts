import type { FleetEvent } from '../../../src/token/fleet/fleet-options.js';
import { createFleetRenewal } from '../../../src/token/fleet/fleet-renewal.js';
import type { TokenDocument } from '../../../src/token/fleet/token-document.js';
import { type Claim, createTokenStore, type TokenStore } from '../../../src/token/fleet/token-store.js';
import { DEFAULT_RENEWAL } from '../../../src/token/renewal-schedule.js';
import { createTokenManager } from '../../../src/token/token-manager.js';
import { createStore, type Faults, type StoreKind } from './servers.js';
import { createIms } from './simulated-ims.js';
import { createRandom, createWorld, type Machine } from './world.js';

export interface Scenario {
  seed: number;
  workers: number;
  lifeMs: number;
  lifetimes: number;
  claimTtlMs: number;
  faults: Faults;
  /** Default compare-and-swap. */
  store?: StoreKind;
  /** Default 0. */
  claimSpreadMs?: number;
  /** Workers start within this time. Default 2000. */
  startWithinMs?: number;
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
  storeWrites: number;
  /** How often a write was lost, late or hidden, or its answer lost. */
  mishaps: number;
  /** Exchanges whose answer came too late for the one who had asked. */
  unheard: number;
  /** Documents that were put over one of a higher generation. */
  regressions: number;
  /** How long the callers waited that came first, milliseconds. */
  firstWaits: number[];
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
  const kind = scenario.store ?? 'compare-and-swap';
  let highest = 0;
  let longest = 0;
  let regressions = 0;
  /** When the highest generation was put out of sight, and nothing newer has been written since. */
  let regressedAt: number | undefined;

  function checkWrite(at: number, before: TokenDocument | undefined, after: TokenDocument): void {
    if (before !== undefined && after.generation < before.generation) {
      if (kind === 'compare-and-swap') violate('the generation went back');
      regressions++;
      regressedAt ??= at;
    }
    const expiresAt = after.token?.expiresAt ?? 0;
    // Readers take what outlives their token, whatever its generation.
    if (after.generation >= highest || expiresAt > longest) regressedAt = undefined;
    longest = Math.max(longest, expiresAt);
    highest = Math.max(highest, after.generation);
    const [old, fresh] = [before?.renewal, after.renewal];
    if (fresh !== undefined && fresh.id !== old?.id) {
      const since = old === undefined ? undefined : claimedAt.get(old.id);
      if (since !== undefined && at - since < claimTtlMs) violate('two live claims of one generation');
      claimedAt.set(fresh.id, at);
    }
  }

  /** Claims that were won by election, by generation. */
  const winners = new Map<number, { id: string; createdAt: number; machine: Machine }[]>();

  /** No two live ones of a generation, unless an entry was hidden from the one who looked. */
  function checkElected({ id, base }: Claim, machine: Machine): void {
    const entry = store.entries.get(id);
    if (entry === undefined || faults.hiddenEntry > 0) return;
    const others = winners.get(base.generation) ?? [];
    const failed = new Set([...store.entries.values()].map(({ failure }) => failure?.claimId));
    for (const other of others) {
      const isLive = entry.createdAt < other.createdAt + claimTtlMs && !failed.has(other.id);
      if (isLive) violate(`two live claims of generation ${base.generation}`);
    }
    winners.set(base.generation, [...others, { id, createdAt: entry.createdAt, machine }]);
  }

  function watched(inner: TokenStore, machine: Machine): TokenStore {
    if (inner.coordination !== 'election') return inner;
    return {
      ...inner,
      async claim(attempt, signal) {
        const result = await inner.claim(attempt, signal);
        if (result.kind === 'won') checkElected(result.claim, machine);
        return result;
      },
    };
  }

  let steps = 0;
  let crashed = false;
  function onStep(machine: Machine): void {
    if (world.now - start < 0.75 * lifeMs || ++steps !== scenario.crashStep) return;
    machine.crashed = true;
    crashed = true;
  }
  const store = createStore(world, random, faults, checkWrite, {
    ...{ kind, onStep, claimSpreadMs: scenario.claimSpreadMs, tellsTime: scenario.tellsTime },
  });
  const ims = createIms(world, random, faults, lifeMs, onStep);
  const firstWaits: number[] = [];
  let refused = 0;
  let outageCallsPerMinute = 0;
  const events: Report['events'] = {};
  // Nobody may wait longer than for others' claims, a round of requests, and an exchange of one's own.
  const bound = 4 * claimTtlMs + (kind === 'election' ? 24 : 12) * faults.maxLatencyMs + 20_000;
  const span = lifeMs * lifetimes;
  let id = 0;

  function addWorker(isConsumer: boolean): { machine: Machine; run: () => Promise<void> } {
    const machine = world.addMachine((random() * 2 - 1) * scenario.maxSkewMs);
    const renewal = createFleetRenewal({
      store: watched(createTokenStore(store.connect(machine), machine.clock), machine),
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
      await world.delay(machine, random() * (scenario.startWithinMs ?? 2000));
      let isFirst = true;
      while (world.now < start + span) {
        const askedAt = world.now;
        const frozenBefore = machine.frozenUntil;
        const token = await manager.getToken().catch(() => undefined);
        const waited = world.now - askedAt;
        if (isFirst) firstWaits.push(waited);
        isFirst = false;
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
      store.trouble = 'away';
      while (world.now - start < to) {
        const before = store.calls;
        await world.delay(undefined, 60_000);
        outageCallsPerMinute = Math.max(outageCallsPerMinute, store.calls - before);
      }
      store.trouble = undefined;
    });
  }
  // What has begun may end.
  await world.run(start + span + bound);
  // A life later at most somebody renews.
  if (regressedAt !== undefined && regressedAt < start + span - 1.1 * lifeMs) violate('a regress was not healed');
  return {
    exchanges: ims.exchanges,
    generations: highest,
    crashes: scenario.crashes,
    freezes: scenario.freezes,
    violations,
    events,
    storeCalls: store.calls,
    storeWrites: store.writes,
    mishaps: store.mishaps,
    unheard: ims.unheard,
    regressions,
    firstWaits,
    outageCallsPerMinute,
    refused,
    crashed,
  };
}
