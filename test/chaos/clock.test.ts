import { describe, expect, it, vi } from 'vitest';
import { ImsvaultError } from '../../src/errors.js';
import { createEmulatedIms } from '../token/simulation/emulated-ims.js';
import { startProcess } from '../token/simulation/process.js';
import { CALM, createStore, type Step } from '../token/simulation/servers.js';
import { createRandom, createWorld, type Machine } from '../token/simulation/world.js';
import { sampled } from './support/form.js';
import { memoryFolder } from './support/memory-folder.js';
import { afterFiles } from './support/observed-files.js';
import { createOpenCalls } from './support/open-calls.js';
import { record } from './support/reliability.js';

vi.mock('node:fs/promises', async (original) =>
  (await import('./support/observed-files.js')).observeFiles(await original()),
);

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LIFE = HOUR;
const SPAN = 6 * LIFE;
/** Of a call, where its own process runs on: a dead claim or lock, a round of requests. */
const MAX_WAIT_MS = 30_000;

/** What happens to a machine. `later` runs something after some minutes. */
const FAULTS: Record<string, (machine: Machine, later: (action: () => void) => void, now: number) => void> = {
  'wall clock +1 h': (machine) => machine.jump(HOUR),
  'wall clock −1 h': (machine) => machine.jump(-HOUR),
  'wall clock +1 day': (machine) => machine.jump(DAY),
  'wall clock −1 day': (machine) => machine.jump(-DAY),
  'wall clock +1 day, and back 5 min later': (machine, later) => {
    machine.jump(DAY);
    later(() => machine.jump(-DAY));
  },
  'wall clock −1 day, and forth 5 min later': (machine, later) => {
    machine.jump(-DAY);
    later(() => machine.jump(DAY));
  },
  'machine suspended for 2 h (its monotonic clock stops)': (machine) => machine.suspend(2 * HOUR),
  'machine suspended for 30 min (its monotonic clock stops)': (machine) => machine.suspend(HOUR / 2),
  'process stopped for 2 h (SIGSTOP; its clocks go on)': (machine, _later, now) => {
    machine.frozenUntil = now + 2 * HOUR;
  },
};

const PLACES = ['one process', 'machine cache', 'compare-and-swap', 'election'] as const;
const PHASES = ['cold', 'warm', 'renewing', 'publishing'] as const;
type Place = (typeof PLACES)[number];
type Phase = (typeof PHASES)[number];

interface Cell {
  fault: string;
  place: Place;
  phase: Phase;
}

/** At the request that the phase is named after: when it is sent, and when its answer is under way. */
async function runCell({ fault, place, phase }: Cell, when: Step['when']) {
  const world = createWorld(undefined, place === 'machine cache' ? afterFiles : undefined);
  const start = world.now;
  const random = createRandom(7);
  const violations: string[] = [];
  const refusals: unknown[] = [];
  const violate = (text: string) => violations.push(`${Math.round(world.now - start)} ms: ${text}`);
  let hasHappened = false;
  let isExchanged = false;
  const open = createOpenCalls(world, violate);
  let id = 0;

  function happen(machine: Machine): void {
    if (hasHappened) return;
    hasHappened = true;
    FAULTS[fault]?.(machine, (action) => void world.delay(undefined, 300_000).then(action), world.now);
  }
  function onStep(machine: Machine, step: Step): void {
    const isRenewal = world.now - start > 0.75 * LIFE;
    const isAt = step.when === when && (phase === 'cold' || isRenewal);
    if (isAt && step.request === 'exchange' && (phase === 'cold' || phase === 'renewing')) happen(machine);
    if (isAt && step.request === 'write' && phase === 'publishing' && isExchanged) happen(machine);
    if (isRenewal && step.request === 'exchange' && step.when === 'after') isExchanged = true;
  }

  const ims = createEmulatedIms(world, random, { lifeMs: LIFE, maxLatencyMs: 100, onStep });
  const isFleet = place === 'compare-and-swap' || place === 'election';
  const store = isFleet ? createStore(world, random, CALM, () => undefined, { kind: place, onStep }) : undefined;
  const runtime = place === 'machine cache' ? memoryFolder() : undefined;
  const first = world.addMachine(0);
  const second = world.addMachine(0, place === 'machine cache' ? first : undefined);
  const begin = (machine: Machine) => startProcess({ machine, random, ims, store, runtime, newId: () => `id-${++id}` });

  /** @param restartMs how often the program on it ends and starts anew; it knows nothing then but what others left */
  async function live(machine: Machine, restartMs: number): Promise<void> {
    await world.delay(machine, random() * 5000);
    let manager = begin(machine);
    let restartAt = world.now + restartMs;
    while (world.now < start + SPAN) {
      const [askedAt, frozenBefore] = [world.now, machine.frozenUntil];
      const ended = open.begin(machine);
      const token = await manager.getToken().catch((error: unknown) => void refusals.push(error));
      ended();
      if (token && ims.expiryOf(token.accessToken) <= world.now) violate('an expired token was served');
      const waitedMs = world.now - askedAt;
      if (waitedMs > MAX_WAIT_MS && machine.frozenUntil === frozenBefore) violate(`a caller waited ${waitedMs} ms`);
      await world.delay(machine, 20_000 + random() * 20_000);
      if (world.now < restartAt) continue;
      manager.close();
      manager = begin(machine);
      restartAt = world.now + restartMs;
    }
    manager.close();
  }

  void live(first, SPAN);
  if (place !== 'one process') void live(second, 0.65 * LIFE);
  if (phase === 'warm') void world.delay(undefined, 0.3 * LIFE).then(() => happen(first));
  await world.run(start + SPAN + MAX_WAIT_MS + 40_000);
  for (const machine of [first, second]) open.expectEnds(machine, MAX_WAIT_MS);
  return { hasHappened, violations, refusals, exchanges: ims.emulator.exchanges };
}

const cells = Object.keys(FAULTS).flatMap((fault) =>
  PLACES.flatMap((place) =>
    PHASES.filter((phase) => phase !== 'publishing' || place === 'compare-and-swap' || place === 'election').map(
      (phase): Cell => ({ fault, place, phase }),
    ),
  ),
);

describe.skipIf(process.platform === 'win32')('a clock that jumps or stands still', () => {
  it.for(sampled(cells, 0.25))('$fault, $place, $phase', async (cell, context) => {
    const { fault, place, phase } = cell;
    for (const when of phase === 'warm' ? (['before'] as const) : (['before', 'after'] as const)) {
      const seen = await runCell(cell, when);
      const text = `${when}: ${JSON.stringify(seen)}`;
      expect([seen.hasHappened, seen.violations], text).toEqual([true, []]);
      // Its time was over when it went on.
      const mayRefuse = fault.startsWith('process stopped') && phase === 'cold';
      expect(seen.refusals.length, text).toBeLessThanOrEqual(mayRefuse ? 1 : 0);
      for (const error of seen.refusals) {
        expect(error).toBeInstanceOf(ImsvaultError);
        expect(error).toMatchObject({ code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE', retryable: true });
      }
      // Without a fault a token is renewed after 0.8–0.9 of its life; in 2 h of standing still nothing is.
      expect(seen.exchanges, text).toBeGreaterThanOrEqual(fault.endsWith(')') ? 3 : 6);
      expect(seen.exchanges, text).toBeLessThanOrEqual(SPAN / (0.8 * LIFE) + 0.5 + (fault.includes(', and ') ? 2 : 1));
    }
    record(context, {
      section: 'clock',
      fault,
      provider: place,
      phase,
      sees:
        fault.startsWith('process stopped') && phase === 'cold'
          ? 'the token, or, when it goes on, once `ERR_TOKEN_ENDPOINT_UNAVAILABLE`; the next call gets one'
          : 'the token',
      within: fault.startsWith('wall') ? '30 s' : '30 s of running',
      kept: `no expired token served, no call without an end, renewal goes on, at most ${fault.includes(', and ') ? '2 exchanges' : '1 exchange'} more`,
    });
  });
});
