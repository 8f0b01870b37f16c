import { withDeadline } from '../../../src/deadline.js';
import { ImsvaultError } from '../../../src/errors.js';
import { createExchanger, MAX_TOKEN_RESPONSE_BYTES } from '../../../src/ims/exchange.js';
import {
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  ResponseTooLarge,
} from '../../../src/net/http-client.js';
import { redact } from '../../../src/redacted.js';
import { createCredentialSource } from '../../../src/secret/credential-source.js';
import type { SecretProvider } from '../../../src/secret/provider.js';
import { createImsEmulator, type ImsEmulator, type ImsReply } from '../../../src/testing/index.js';
import { createExchangeRenewal } from '../../../src/token/exchange-renewal.js';
import type { Exchanged } from '../../../src/token/fleet/fleet-options.js';
import type { OnStep } from './servers.js';
import type { Machine, World } from './world.js';

const CLIENT = { clientId: 'client', clientSecrets: ['p8e-simulated'] };
const ORIGIN = 'https://ims.invalid';
/** As the real client waits for headers, and for all. */
const HEADERS_MS = 10_000;
const TOTAL_MS = 20_000;
/** The default bound of all tries of an exchange. */
export const EXCHANGE_TIMEOUT_MS = 30_000;

export interface EmulatedImsOptions {
  lifeMs: number;
  /** Of one way, in milliseconds. */
  maxLatencyMs: number;
  onStep?: OnStep | undefined;
}

/** The emulator and the real exchange before it, in a simulated world. */
export interface SimulatedEmulator {
  readonly emulator: ImsEmulator;
  /** What the store of the credential answers instead of it. */
  credentialTrouble: 'away' | 'denied' | 'gone' | 'malformed' | undefined;
  /** The renewal of a process: reads the credential, exchanges it. */
  connect(machine: Machine): (signal: AbortSignal) => Promise<Exchanged>;
  /** True times at which IMS was asked. */
  readonly asked: readonly number[];
  /** When a token really ends, Unix milliseconds of true time. */
  expiryOf(token: string): number;
  /** Exchanges that were over when nobody waited for them any more, or that were answered with something else. */
  readonly unheard: number;
}

export function createEmulatedIms(
  world: World,
  random: () => number,
  { lifeMs, maxLatencyMs, onStep = () => undefined }: EmulatedImsOptions,
): SimulatedEmulator {
  const trueClock = { now: () => world.now, monotonic: () => world.now, setTimer: () => () => undefined };
  const emulator = createImsEmulator({ clock: trueClock, clients: [CLIENT], expiresInSeconds: lifeMs / 1000 });
  const expiries = new Map<string, number>();
  const asked: number[] = [];
  let unheard = 0;
  const travel = () => random() * maxLatencyMs;

  function serve({ method, url, headers = {}, body = '' }: HttpRequest): { reply: ImsReply; issued: boolean } {
    const before = emulator.exchanges;
    const reply = emulator.handle({ method, path: url.slice(ORIGIN.length), headers, body: String(body) });
    const issued = emulator.exchanges > before;
    if (issued) expiries.set(emulator.issuedTokens().at(-1) as string, world.now + lifeMs);
    return { reply, issued };
  }

  async function receive(machine: Machine, reply: ImsReply): Promise<HttpResponse> {
    if (reply.kind === 'reset') throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    if (reply.kind === 'hang' || (reply.delayMs ?? 0) > HEADERS_MS) {
      await world.delay(machine, HEADERS_MS);
      throw Object.assign(new Error('no headers'), { code: 'UND_ERR_HEADERS_TIMEOUT' });
    }
    await world.delay(machine, (reply.delayMs ?? 0) + (reply.byteIntervalMs ?? 0) * reply.body.length);
    if (reply.truncated) throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
    if (reply.body.length > MAX_TOKEN_RESPONSE_BYTES) throw new ResponseTooLarge(MAX_TOKEN_RESPONSE_BYTES);
    return { status: reply.status, headers: reply.headers, body: Buffer.from(reply.body) };
  }

  function httpOf(machine: Machine): HttpClient {
    async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
      asked.push(world.now);
      onStep(machine, { request: 'exchange', when: 'before' });
      if (machine.crashed) await world.delay(machine, 0);
      signal.throwIfAborted();
      // What the server does, neither a crash nor an abort undoes.
      const { reply, issued } = await world.delay(undefined, travel()).then(() => {
        const served = serve(request);
        onStep(machine, { request: 'exchange', when: 'after' });
        return served;
      });
      let heard = false;
      try {
        await world.delay(machine, travel());
        const response = await receive(machine, reply);
        heard = response.status === 200 && !signal.aborted;
        return response;
      } finally {
        if (issued && !heard) unheard++;
      }
    }
    return {
      request: (request) => withDeadline(machine.clock, TOTAL_MS, request.signal, (signal) => send(request, signal)),
      connectAhead: async () => undefined,
      close: async () => undefined,
    };
  }

  const simulated: SimulatedEmulator = {
    emulator,
    credentialTrouble: undefined,
    asked,
    get unheard() {
      return unheard;
    },
    expiryOf: (token) => expiries.get(token) ?? 0,
    connect(machine) {
      const { clock } = machine;
      const provider: SecretProvider<string> = {
        name: 'simulated',
        describe: () => 'the simulated credential',
        async readSecret() {
          onStep(machine, { request: 'credential', when: 'before' });
          await world.delay(machine, travel() + travel());
          onStep(machine, { request: 'credential', when: 'after' });
          if (machine.crashed) await world.delay(machine, 0);
          const { credentialTrouble: trouble } = simulated;
          if (trouble === 'away') throw new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'the store is away');
          if (trouble === 'denied') throw new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no permission');
          if (trouble === 'gone') throw new ImsvaultError('ERR_SECRET_NOT_FOUND', 'there is none');
          const value =
            trouble === 'malformed'
              ? '{'
              : JSON.stringify({ client_id: 'client', client_secret: CLIENT.clientSecrets[0] });
          return { value: redact(value), id: '1' };
        },
      };
      const common = { clock, random, timeoutMs: EXCHANGE_TIMEOUT_MS, warn: () => undefined };
      const source = createCredentialSource({ provider, ref: 'x', clock, random, timeoutMs: HEADERS_MS });
      const exchanger = createExchanger({ ...common, tokenEndpoint: `${ORIGIN}/ims/token/v3`, http: httpOf(machine) });
      return createExchangeRenewal({ ...common, source, exchanger });
    },
  };
  return simulated;
}
