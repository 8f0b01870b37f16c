import { AsyncLocalStorage } from 'node:async_hooks';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseRecord } from '../../src/token/cache/token-record.js';
import { createEmulatedIms } from '../token/simulation/emulated-ims.js';
import { startProcess } from '../token/simulation/process.js';
import { CALM, createStore } from '../token/simulation/servers.js';
import { createRandom, createWorld, type Machine } from '../token/simulation/world.js';
import { form } from './support/form.js';
import { memoryFolder } from './support/memory-folder.js';
import { afterFiles, closeFiles, observeWith } from './support/observed-files.js';
import { record } from './support/reliability.js';

vi.mock('node:fs/promises', async (original) =>
  (await import('./support/observed-files.js')).observeFiles(await original()),
);
afterEach(() => observeWith({}));

const LIFE = 3_600_000;
const PLACES = ['machine cache', 'compare-and-swap', 'election'] as const;
const PHASES = ['cold', 'renewing', 'cold after a death'] as const;
type Place = (typeof PLACES)[number];
type Phase = (typeof PHASES)[number];

/** How long a call may take: a dead lock (5 s), a dead claim (20 s), and the renewal. With a valid token nobody waits for either. */
const MAX_WAIT_MS: Record<Place, number> = { 'machine cache': 10_000, 'compare-and-swap': 30_000, election: 40_000 };
/** Another dead claim. */
const SECOND_DEATH_MS = 20_000;
const MAX_WARM_WAIT_MS = 12_000;
const coldWaitMs = (place: Place, phase: Phase) =>
  MAX_WAIT_MS[place] + (phase === 'cold after a death' && place !== 'machine cache' ? SECOND_DEATH_MS : 0);
const NEVER = new Promise<void>(() => undefined);

/**
 * One program is killed at its step with this number while it renews. Each request to a store or to IMS, and each operation
 * on a file, is two steps: before it is passed on, and after it has taken place. A second program on its machine and, in a
 * fleet, a third one elsewhere go on; the first one is started again a second later.
 */
async function kill(place: Place, phase: Phase, number: number) {
  const world = createWorld(undefined, afterFiles);
  const start = world.now;
  const random = createRandom(11);
  const runtime = memoryFolder();
  const violations: string[] = [];
  const steps: string[] = [];
  const current = new AsyncLocalStorage<Machine>();
  const host = world.addMachine(0);
  const first = world.addMachine(0, host);
  const zero = phase === 'cold after a death' ? world.addMachine(0, host) : undefined;
  const tokens = new Map<string, string>();
  let counted: Machine | undefined;
  let ids = 0;

  function count(machine: Machine): void {
    counted = machine;
  }

  /** @returns whether the one who has come here is dead */
  function step(machine: Machine | undefined, name: string): boolean {
    // The lock is touched by a timer: nobody waits for that.
    if (machine !== undefined && machine === counted && !name.endsWith('utimes')) {
      steps.push(name);
      if (steps.length === number) die('first', machine);
    }
    return machine?.crashed === true;
  }
  const onFile = (when: string) => (operation: string) =>
    step(current.getStore(), `${when} ${operation}`) ? NEVER : undefined;
  observeWith({ before: onFile('before'), after: onFile('after') });
  function onStep(machine: Machine, { request, when }: { request: string; when: string }): void {
    step(machine, `${when} ${request}`);
    if (machine === zero && request === 'exchange' && when === 'after') die('zero', machine);
  }

  const ims = createEmulatedIms(world, random, { lifeMs: LIFE, maxLatencyMs: 100, onStep });
  const isFleet = place !== 'machine cache';
  const store = isFleet ? createStore(world, random, CALM, () => undefined, { kind: place, onStep }) : undefined;

  /** @param soft where in its range the program's soft point is */
  async function live(name: string, machine: Machine, soft: number, countFrom?: number): Promise<void> {
    const isFar = name === 'far';
    const manager = startProcess({
      ...{ machine, random: () => soft, ims, store, newId: () => `id-${++ids}` },
      runtime: isFar ? undefined : runtime,
    });
    if (countFrom === 0) count(machine);
    else if (countFrom !== undefined) void world.delay(machine, countFrom).then(() => count(machine));
    for (;;) {
      const [askedAt, hadToken] = [world.now, tokens.has(name)];
      const token = await manager.getToken().catch((error: Error) => void violations.push(`${name}: ${error.message}`));
      const waitedMs = world.now - askedAt;
      if (waitedMs > (hadToken ? MAX_WARM_WAIT_MS : coldWaitMs(place, phase)))
        violations.push(`${name} waited ${waitedMs} ms`);
      if (token && ims.expiryOf(token.accessToken) <= world.now) violations.push(`${name} got an expired token`);
      if (token) tokens.set(name, token.accessToken);
      await world.delay(machine, counted !== undefined || world.now - start < 120_000 ? 3000 : 30_000);
      if (counted === machine && steps.length > 0 && !manager.status().renewing) counted = undefined;
    }
  }
  /** What a timer of a program begins is that program's, too. */
  function keepContext({ clock }: Machine): void {
    const { setTimer } = clock;
    Object.assign(clock, {
      setTimer: (callback: () => void, delayMs: number) => setTimer(AsyncLocalStorage.bind(callback), delayMs),
    });
  }
  function begin(afterMs: number, name: string, machine: Machine, soft: number, countFrom?: number): void {
    keepContext(machine);
    void world.delay(machine, afterMs).then(() => current.run(machine, () => live(name, machine, soft, countFrom)));
  }
  function die(name: string, machine: Machine): void {
    machine.crashed = true;
    counted = undefined;
    tokens.delete(name);
    if (name === 'first') begin(1000, 'restarted', world.addMachine(0, host), 0.3);
    // Just before the dead one's lock is taken away.
    else void world.delay(first, 4900).then(() => count(first));
  }

  if (zero !== undefined) begin(0, 'zero', zero, 0);
  if (zero !== undefined) begin(600, 'first', first, 0);
  else begin(0, 'first', first, 0, phase === 'renewing' ? 0.79 * LIFE : 0);
  begin(2000, 'beside', world.addMachine(0, host), 0.5);
  if (isFleet) begin(2500, 'far', world.addMachine(0), 0.9);
  // With one more renewal, which meets what the dead have left.
  await world.run(start + (phase === 'renewing' ? 1.85 : 0.95) * LIFE);

  await closeFiles();
  const folder = join(runtime, 'imsvault');
  const names = readdirSync(folder);
  const cached = names.find((name) => /^[0-9a-f]{32}\.json$/.test(name));
  return {
    ...{ steps, violations, tokens, exchanges: ims.emulator.exchanges, newest: ims.emulator.issuedTokens().at(-1) },
    wasReached: steps.length >= number,
    locks: names.filter((name) => name.endsWith('.lock')),
    isCacheWhole: cached !== undefined && 'token' in parseRecord(readFileSync(join(folder, cached), 'utf8'), world.now),
    document: store?.history.at(-1)?.document,
  };
}

/** More than any renewal has; but in a fleet one who waits for a dead claim goes on looking. */
const MAX_STEPS = 100;
const MAX_STEPS_OF_WAITING = 40;

describe.skipIf(process.platform === 'win32')('a renewal that is killed at any step', { timeout: 300_000 }, () => {
  const cells = PLACES.flatMap((place) => PHASES.map((phase) => ({ place, phase })));
  it.for(cells)('$place, $phase', async ({ place, phase }, context) => {
    const stride = form.short ? 9 : 1;
    const deaths = phase === 'cold after a death' ? 2 : 1;
    const names = new Set<string>();
    let number = form.short ? 1 + (form.seed % stride) : 1;
    const end = deaths === 2 && place !== 'machine cache' ? MAX_STEPS_OF_WAITING : MAX_STEPS;
    for (; number < end; number += stride) {
      const seen = await kill(place, phase, number);
      for (const name of seen.steps) names.add(name);
      if (!seen.wasReached) break;
      const { steps, tokens, newest, document, ...rest } = seen;
      const text = `step ${number}, ${steps.at(-1)}: ${JSON.stringify(rest)}, ${[...tokens].map(([name, token]) => `${name} ${token.slice(-6)}`)}`;
      expect(rest.violations, text).toEqual([]);
      expect(rest.exchanges, text).toBeLessThanOrEqual((phase === 'renewing' ? 3 : 2) + deaths);
      expect([...tokens.keys()].sort(), text).toEqual([
        'beside',
        ...(place === 'machine cache' ? [] : ['far']),
        'restarted',
      ]);
      expect(new Set(tokens.values()), text).toEqual(new Set([newest]));
      expect([rest.locks, rest.isCacheWhole], text).toEqual([[], true]);
      if (place !== 'machine cache') {
        expect([document?.renewal, document?.token?.expiresAt !== undefined], text).toEqual([undefined, true]);
      }
    }
    expect(number).toBeGreaterThan(30);
    const expected =
      phase === 'cold after a death' ? ['before open', 'after open'] : ['before exchange', 'after rename'];
    expect([...names]).toEqual(expect.arrayContaining(expected));
    record(context, {
      ...{ section: 'crash', fault: 'kill -9 before or after any request or file operation of a renewal' },
      ...{ provider: place, phase },
      sees: phase === 'renewing' ? 'the old token, then the new one' : 'the token',
      within: phase === 'renewing' ? '12 s' : `${coldWaitMs(place, phase) / 1000} s`,
      kept: `at most ${deaths} exchange${deaths === 1 ? '' : 's'} more; all programs have the same token; with the next renewal no lock or claim is left, file and document are whole`,
    });
  });
});
