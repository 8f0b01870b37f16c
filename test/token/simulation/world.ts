import type { Clock } from '../../../src/clock.js';

/** Numbers in [0, 1) that a seed reproduces (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A machine of the simulation, or one of several processes of it: its clocks, and whether it runs. */
export interface Machine {
  readonly clock: Clock;
  /** Milliseconds since the machine was started, those in which it slept included. */
  uptimeMs(): number;
  /** Nothing of it runs before this moment; its clocks go on. */
  frozenUntil: number;
  crashed: boolean;
  /** Sets its wall clock, which is that of all processes beside it. */
  jump(ms: number): void;
  /** It sleeps, and all processes beside it; their monotonic clock and their timers stand still. */
  suspend(ms: number): void;
}

export interface World {
  /** True time, Unix milliseconds; also the servers' clock. */
  readonly now: number;
  /**
   * @param skewMs how far its wall clock is ahead
   * @param beside a process of the machine that this one runs on; its own clocks are then those
   */
  addMachine(skewMs: number, beside?: Machine): Machine;
  /** Settles after `delayMs` of true time; never on a machine that has crashed. */
  delay(machine: Machine | undefined, delayMs: number): Promise<void>;
  /** Runs all that happens until then. */
  run(untilMs: number): Promise<void>;
}

interface Event {
  at: number;
  order: number;
  machine: Machine | undefined;
  /** How long the machine had slept when this was planned. */
  sleptMs: number;
  action: () => void;
}

/** What the processes of a machine have in common. */
interface Host {
  bootedAt: number;
  skewMs: number;
  sleptMs: number;
  asleepUntil: number;
  processes: Machine[];
}

/** Everything that follows without waiting for time happens at this moment. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** @param settled resolves when all that an event leads to without waiting for time has happened */
export function createWorld(startMs = Date.UTC(2030, 0, 1), settled: () => Promise<void> = nextTurn): World {
  let now = startMs;
  let order = 0;
  const heap: Event[] = [];
  const hosts = new WeakMap<Machine, Host>();
  const sleptMs = (machine: Machine | undefined) => (machine === undefined ? 0 : (hosts.get(machine)?.sleptMs ?? 0));

  const before = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function push(event: Event): void {
    heap.push(event);
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      const [a, b] = [heap[child] as Event, heap[parent] as Event];
      if (!before(a, b)) return;
      heap[child] = b;
      heap[parent] = a;
      child = parent;
    }
  }

  function pop(): Event {
    const first = heap[0] as Event;
    const last = heap.pop() as Event;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && before(heap[child] as Event, heap[least] as Event)) least = child;
      }
      if (least === parent) return first;
      const moved = heap[parent] as Event;
      heap[parent] = heap[least] as Event;
      heap[least] = moved;
      parent = least;
    }
  }

  /** @returns a function that cancels */
  function schedule(machine: Machine | undefined, delayMs: number, action: () => void): () => void {
    let cancelled = false;
    push({
      ...{ at: now + Math.max(0, delayMs), order: order++, machine, sleptMs: sleptMs(machine) },
      action: () => (cancelled ? undefined : action()),
    });
    return () => {
      cancelled = true;
    };
  }

  return {
    get now() {
      return now;
    },
    addMachine(skewMs, beside) {
      const host = (beside && hosts.get(beside)) ?? {
        ...{ bootedAt: now, skewMs, sleptMs: 0, asleepUntil: 0 },
        processes: [],
      };
      const machine: Machine = {
        uptimeMs: () => now - host.bootedAt,
        frozenUntil: host.asleepUntil,
        crashed: false,
        jump(ms) {
          host.skewMs += ms;
        },
        suspend(ms) {
          host.sleptMs += ms;
          host.asleepUntil = now + ms;
          for (const each of host.processes) each.frozenUntil = Math.max(each.frozenUntil, host.asleepUntil);
        },
        clock: {
          now: () => now + host.skewMs,
          monotonic: () => now - host.bootedAt - host.sleptMs,
          setTimer: (callback, delayMs) => schedule(machine, delayMs, callback),
        },
      };
      host.processes.push(machine);
      hosts.set(machine, host);
      return machine;
    },
    delay: (machine, delayMs) => new Promise((resolve) => schedule(machine, delayMs, resolve)),
    async run(untilMs) {
      while (heap.length > 0 && (heap[0] as Event).at <= untilMs) {
        const event = pop();
        now = Math.max(now, event.at);
        const { machine } = event;
        if (machine?.crashed) continue;
        const missedMs = sleptMs(machine) - event.sleptMs;
        if (missedMs > 0) {
          push({ ...event, at: event.at + missedMs, sleptMs: event.sleptMs + missedMs, order: order++ });
          continue;
        }
        if (machine !== undefined && machine.frozenUntil > now) {
          push({ ...event, at: machine.frozenUntil, order: order++ });
          continue;
        }
        event.action();
        await settled();
      }
      now = Math.max(now, untilMs);
    },
  };
}
