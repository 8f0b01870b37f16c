import { AccessToken } from '../../../src/access-token.js';
import { ImsvaultError } from '../../../src/errors.js';
import type { Exchanged } from '../../../src/token/fleet/fleet-options.js';
import type { Faults, OnStep } from './servers.js';
import type { Machine, World } from './world.js';

export interface SimulatedIms {
  connect(machine: Machine): (signal: AbortSignal) => Promise<Exchanged>;
  readonly exchanges: number;
  /** How many of them were over too late for those who had asked. */
  readonly unheard: number;
  /** When a token really ends, Unix milliseconds of true time. */
  expiryOf(token: string): number;
}

export function createIms(
  world: World,
  random: () => number,
  faults: Faults,
  lifeMs: number,
  onStep: OnStep = () => undefined,
): SimulatedIms {
  const expiries = new Map<string, number>();
  let unheard = 0;
  return {
    get unheard() {
      return unheard;
    },
    get exchanges() {
      return expiries.size;
    },
    expiryOf: (token) => expiries.get(token) ?? 0,
    connect: (machine) => async (signal) => {
      signal.throwIfAborted();
      onStep(machine, { request: 'exchange', when: 'before' });
      if (machine.crashed) await world.delay(machine, 0);
      const issuedAt = machine.clock.now();
      const failed = random() < faults.imsFailure;
      let accessToken = '';
      await world.delay(undefined, random() * faults.maxLatencyMs);
      if (!failed) {
        accessToken = `token-${expiries.size + 1}`;
        expiries.set(accessToken, world.now + lifeMs);
      }
      onStep(machine, { request: 'exchange', when: 'after' });
      await world.delay(machine, faults.maxLatencyMs);
      if (signal.aborted && !failed) unheard++;
      signal.throwIfAborted();
      if (failed) throw new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'IMS is away');
      const token = new AccessToken({
        accessToken,
        tokenType: 'bearer',
        issuedAt,
        expiresAt: issuedAt + lifeMs,
        scope: ['openid'],
        clientId: 'client',
      });
      const skew = world.now - machine.clock.now();
      return { token, clockOffsetMs: Math.abs(skew) > 2000 ? skew : 0 };
    },
  };
}
