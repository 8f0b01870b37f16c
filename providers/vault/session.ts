import * as z from 'zod';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, reveal } from '../../src/redacted.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { unavailable } from './answer-error.js';
import type { VaultClient } from './client.js';
import { type Grant, grantOf } from './grant.js';
import type { Login } from './login.js';
import { createSingleFlight } from './single-flight.js';

/** One-shot programs are gone by then, and spared the look-up. */
const FIRST_LOOK_MS = 10_000;

/** The soonest that a renewal is tried again after a failure, in milliseconds. */
const AGAIN_AFTER_MS = 5000;

/** A client token and what is known of its life. */
interface Held {
  token: Redacted<string>;
  /** Monotonic milliseconds; Infinity: never, or not known. */
  endsAt: number;
  /** The life that a login gives, in milliseconds: what is left is judged against it. */
  fullLifeMs: number;
  renewable: boolean;
  /** `unasked`: somebody else made it, and nobody has looked it up yet; `untold`: the server refused to tell. */
  life: 'known' | 'unasked' | 'untold';
}

/** The login at the server, kept alive by whoever uses it. */
export interface Session {
  /** The token in use, if there is one. */
  peek(): Redacted<string> | undefined;
  /** A token to read with. Renews or repeats the login first, when less than a third of its life is left. */
  token(signal?: AbortSignal): Promise<Redacted<string>>;
  /**
   * Another token in the place of one that was refused.
   * @returns undefined when there is no other
   */
  replace(refused: Redacted<string>, signal?: AbortSignal): Promise<Redacted<string> | undefined>;
  /**
   * Milliseconds until a login that cannot be repeated should be renewed; `token()` then does it. After a failure a tenth
   * of the life that is left, at least 5 s.
   * @returns undefined where nothing is to be done: it can be repeated, is not renewable, has no end, or none is held
   */
  renewalDueInMs(): number | undefined;
  /** Logs in if need be and tells how: `approle at auth/approle, 59 min left`. */
  describe(signal?: AbortSignal): Promise<string>;
}

export function createSession(login: Login, client: VaultClient, context: ProviderContext): Session {
  const { clock, warn } = context;
  let held: Held | undefined;
  /** Whose failed renewal was told of. */
  let warnedOf: Held | undefined;

  const remaining = ({ endsAt }: Held) => endsAt - clock.monotonic();
  const isDue = (lease: Held) => lease.life === 'unasked' || remaining(lease) < lease.fullLifeMs / 3;
  const isSame = (a: Redacted<string>, b: Redacted<string>) => reveal(a) === reveal(b);

  function hold({ token, lifeMs = Infinity, renewable }: Grant, askedAt: number, fullLifeMs = lifeMs): Held {
    return { token, endsAt: askedAt + lifeMs, fullLifeMs, renewable, life: 'known' };
  }

  async function logIn(signal: AbortSignal): Promise<Held> {
    const askedAt = clock.monotonic();
    const grant = await login.logIn(signal);
    return { ...hold(grant, askedAt), life: grant.lifeMs === undefined ? 'unasked' : 'known' };
  }

  /** A token whose life the server does not tell simply serves until it is refused. */
  async function lookUp(lease: Held, signal: AbortSignal | undefined): Promise<Held> {
    const askedAt = clock.monotonic();
    const answer = await client.call('auth/token/lookup-self', { token: lease.token, signal });
    if (answer.status === 403) return { ...lease, life: 'untold' };
    const parsed = lookUpAnswer.safeParse(answer.body);
    if (answer.status !== 200 || !parsed.success) throw unavailable(answer, client.host, clock.now());
    const { ttl, creation_ttl: creationTtl, renewable } = parsed.data.data;
    const lifeMs = ttl === 0 && creationTtl === 0 ? Infinity : ttl * 1000;
    return hold({ token: lease.token, lifeMs, renewable }, askedAt, Math.max(creationTtl * 1000, lifeMs));
  }

  /** @returns undefined when the server refuses */
  async function renew(lease: Held, signal: AbortSignal): Promise<Held | undefined> {
    const askedAt = clock.monotonic();
    const answer = await client.call('auth/token/renew-self', { token: lease.token, body: {}, signal });
    if (answer.status === 400 || answer.status === 403 || answer.status === 404) return undefined;
    const place = `renewal of the login at ${client.host}`;
    if (answer.status !== 200) throw unavailable(answer, place, clock.now());
    return hold({ ...grantOf(answer, place, context), token: lease.token }, askedAt, lease.fullLifeMs);
  }

  async function extend(old: Held, signal: AbortSignal): Promise<Held> {
    let lease = old;
    try {
      if (lease.life === 'unasked') {
        lease = await lookUp(lease, signal);
        if (!isDue(lease)) return lease;
      }
      if (lease.renewable) {
        lease = (await renew(lease, signal)) ?? lease;
        // Near its max_ttl a login is renewed for ever shorter times; a new login ends that.
        if (remaining(lease) >= lease.fullLifeMs / 2 || (!login.makesTokens && !isDue(lease))) return lease;
      }
      const next = await logIn(signal);
      return isSame(next.token, lease.token) ? lease : next;
    } catch (error) {
      signal.throwIfAborted();
      // A token that still works is not given up because its renewal came to nothing.
      if (!(error instanceof ImsvaultError) || remaining(lease) <= 0) throw error;
      if (lease.life === 'known' && lease !== warnedOf) {
        warnedOf = lease;
        warn(`Vault login not renewed, ${timeLeft(remaining(lease))} left: ${error.message}`);
      }
      return lease;
    }
  }

  const refresh = createSingleFlight(async (signal) => {
    const next = held === undefined || remaining(held) <= 0 ? await logIn(signal) : await extend(held, signal);
    signal.throwIfAborted();
    held = next;
    return next;
  });

  const current = async (signal: AbortSignal | undefined) =>
    held === undefined || isDue(held) ? refresh(signal) : held;

  return {
    peek: () => held?.token,
    token: async (signal) => (await current(signal)).token,
    async replace(refused, signal) {
      const old = held;
      if (old?.token === refused) held = undefined;
      try {
        const next = (await current(signal)).token;
        return isSame(next, refused) ? undefined : next;
      } catch (error) {
        // Refused for one path, it may serve others.
        held ??= old;
        throw error;
      }
    },
    renewalDueInMs() {
      if (held === undefined || login.makesTokens || held.life === 'untold') return undefined;
      if (held.life === 'unasked') return FIRST_LOOK_MS;
      const left = remaining(held);
      if (!held.renewable || left <= 0 || left === Infinity) return undefined;
      // One that is due by now has just been tried.
      return isDue(held) ? Math.max(AGAIN_AFTER_MS, left / 10) : left - held.fullLifeMs / 3 + 1;
    },
    async describe(signal) {
      let lease = await current(signal);
      if (lease.life === 'unasked') {
        const asked = await lookUp(lease, signal);
        if (held === lease) held = asked;
        lease = asked;
      }
      if (lease.life === 'untold') return `${login.name}, whose life the server does not tell`;
      const left = remaining(lease);
      return `${login.name}, ${left === Infinity ? 'without an end' : `${timeLeft(left)} left`}`;
    },
  };
}

const lookUpAnswer = z.object({
  data: z.object({ ttl: z.number().min(0), creation_ttl: z.number().min(0), renewable: z.boolean().default(false) }),
});

function timeLeft(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 180 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
