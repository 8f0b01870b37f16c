import type { Machine, World } from '../../token/simulation/world.js';

/** Of a simulated world, the calls that have not ended: one that hangs never comes back to be measured. */
export interface OpenCalls {
  /** @returns to be called when it has ended */
  begin(machine: Machine): () => void;
  /** For a process that is over: complains of each of its calls that is older than `maxMs`, counted from when it last stood still. */
  expectEnds(machine: Machine, maxMs: number): void;
}

export function createOpenCalls(world: World, violate: (text: string) => void): OpenCalls {
  const open = new Set<{ machine: Machine; askedAt: number }>();
  return {
    begin(machine) {
      const call = { machine, askedAt: world.now };
      open.add(call);
      return () => open.delete(call);
    },
    expectEnds(machine, maxMs) {
      for (const call of open) {
        if (call.machine !== machine) continue;
        open.delete(call);
        const waitedMs = Math.round(world.now - Math.max(call.askedAt, machine.frozenUntil));
        if (waitedMs > maxMs) violate(`a call has not ended after ${waitedMs} ms`);
      }
    },
  };
}
