import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../clock.js';
import { isLoopbackHost } from '../net/loopback.js';
import { answerTokenRequest, answerValidation, type EmulatedClient, type EmulatedIms } from './emulated-ims.js';
import { answerSecretsRequest, type EmulatedSecret, isSecretsPath, newSecret } from './emulated-secrets.js';
import { healthPage, indexPage } from './emulator-pages.js';
import { applyFault, type ImsFault } from './ims-fault.js';
import { type ImsAnswer, type ImsReply, type ImsRequest, oauthError } from './ims-message.js';
import { type ImsServer, MAX_BODY_BYTES, startImsServer } from './ims-server.js';

const TOKEN_PATH = '/ims/token/v3';
/** An emulator may run for days; what it records must not fill the memory. */
const MAX_RECORDED = 10_000;
const VALIDATE_PATH = '/ims/validate_token/v1';

/** Whom the emulator knows, how long its tokens live, and where it listens. */
export interface ImsEmulatorOptions {
  /**
   * Default: one, `emulator-client-id` with the secret `emulator-client-secret`; in the Developer Console its
   * organisation is 1000001, and its credential 2000002.
   */
  clients?: readonly EmulatedClient[];
  /** Life of the tokens, in seconds. A positive number. Default 86399, as IMS. */
  expiresInSeconds?: number;
  /** Times tokens, `Date` headers and faults. Default: the machine's clock. */
  clock?: Clock;
  /** TCP port, 0–65535; 0 takes any free one. Default 0. */
  port?: number;
  /** A loopback address or `localhost`. Default `127.0.0.1`. */
  host?: string;
  /** PEM key and certificate; the emulator then speaks https. Default: http. */
  tls?: { key: string; cert: string };
  /** Gets a line for each request. It begins with `[IMS emulator]`; no secret or token is in it. Default: none. */
  log?: (line: string) => void;
}

/** A request that came to the emulator, without its secrets. */
export interface RecordedRequest {
  method: string;
  /** Without the query. */
  path: string;
  /** Of the answer; absent where there was none. */
  status?: number;
  /** Only where the emulator knows it: an unknown one may be a secret in the wrong field. */
  clientId?: string;
  /** As sent. */
  scope?: string;
  /** Unix milliseconds, by the emulator's clock. */
  at: number;
}

/** An Adobe IMS of your own, on this machine only: strict as IMS, and able to misbehave. */
export interface ImsEmulator {
  /** For example `http://127.0.0.1:40123/ims/token/v3`. Throws before {@link ImsEmulator.start}. */
  readonly tokenEndpoint: string;
  /** Origin, without a slash at its end. Throws before {@link ImsEmulator.start}. */
  readonly url: string;
  /** What was asked so far, oldest first; of more than 10,000 requests the newest 10,000. */
  readonly requests: readonly RecordedRequest[];
  /** How many tokens were issued. */
  readonly exchanges: number;
  /** All tokens that were issued, oldest first. */
  issuedTokens(): readonly string[];
  /** Whether this emulator issued `token`; it may have expired since. */
  isIssued(token: string): boolean;
  /** From now on, validation says that `token` is revoked. */
  revoke(token: string): void;
  /**
   * Makes token requests meet `fault`. Several faults queue up; one without an end gives way to the next.
   * @param times how many requests, an integer ≥ 1. Default: until {@link ImsEmulator.clearFaults} or the next `fail`
   */
  fail(fault: ImsFault, times?: number): void;
  /** From now on nothing goes wrong. */
  clearFaults(): void;
  /**
   * Replaces a client's secrets, as a rotation does. Issued tokens stay valid.
   * @throws RangeError for a client that the emulator does not know
   */
  setClientSecrets(clientId: string, secrets: readonly string[]): void;
  /** A client's secrets, oldest first; as an API call or {@link ImsEmulator.setClientSecrets} left them. */
  clientSecrets(clientId: string): readonly Readonly<EmulatedSecret>[];
  /** The same rules without a socket, for a fetch or MockAgent of your own. */
  handle(request: ImsRequest): ImsReply;
  /** Listens; does nothing when it does already. Rejects with Node's error when the port is taken. */
  start(): Promise<ImsEmulator>;
  /** Ends every connection and stops listening. What was issued and recorded stays. */
  stop(): Promise<void>;
}

const DEFAULT_CLIENT: EmulatedClient = {
  clientId: 'emulator-client-id',
  clientSecrets: ['emulator-client-secret'],
  consoleOrgId: '1000001',
  credentialId: '2000002',
};

/** @throws RangeError for a host that is not loopback, or a life that is not positive */
export function createImsEmulator(options: ImsEmulatorOptions = {}): ImsEmulator {
  const { clock = systemClock, port = 0, host = '127.0.0.1', tls, log, expiresInSeconds = 86_399 } = options;
  const { clients = [DEFAULT_CLIENT] } = options;
  if (!isLoopbackHost(host)) throw new RangeError(`the IMS emulator listens on loopback only, not on ${host}`);
  if (!(expiresInSeconds > 0)) throw new RangeError('expiresInSeconds must be positive');

  const ims: EmulatedIms = {
    clock,
    expiresInSeconds,
    clients: new Map(clients.map((client) => [client.clientId, client])),
    secrets: new Map(
      clients.map(({ clientId, clientSecrets }) => [
        clientId,
        clientSecrets.map((secret) => newSecret(secret, clock.now())),
      ]),
    ),
    tokens: new Map(),
  };
  const requests: RecordedRequest[] = [];
  let faults: { fault: ImsFault; left: number }[] = [];
  let server: Promise<ImsServer> | undefined;
  let url: string | undefined;

  function takeFault(): ImsFault | undefined {
    const [first] = faults;
    if (first === undefined) return undefined;
    first.left--;
    if (first.left === 0) faults.shift();
    return first.fault;
  }

  function route(request: ImsRequest, path: string): { reply: ImsReply; fault?: string } {
    if (Buffer.byteLength(request.body ?? '') > MAX_BODY_BYTES) {
      return { reply: oauthError(413, 'invalid_request', 'IMS emulator: the body is too large') };
    }
    if (path === TOKEN_PATH) {
      const normal = (): ImsAnswer => answerTokenRequest(ims, request);
      const fault = request.method === 'POST' ? takeFault() : undefined;
      return fault === undefined ? { reply: normal() } : { reply: applyFault(fault, normal), fault: fault.kind };
    }
    if (isSecretsPath(path)) return { reply: answerSecretsRequest(ims, request) };
    if (path === VALIDATE_PATH) return { reply: answerValidation(ims, request) };
    if (path === '/' || path === '/health') {
      if (request.method !== 'GET') {
        return {
          reply: oauthError(405, 'invalid_request', 'IMS emulator: this page takes GET only', { allow: 'GET' }),
        };
      }
      return { reply: path === '/' ? indexPage([...ims.clients.keys()]) : healthPage(ims.tokens.size) };
    }
    return { reply: oauthError(404, 'not_found', 'IMS emulator: no such endpoint') };
  }

  function handle(request: ImsRequest): ImsReply {
    const [path = ''] = request.path.split('?');
    const { reply, fault } = route(request, path);
    const form = new URLSearchParams(request.body ?? '');
    const { clientId } = ims.clients.get(form.get('client_id') ?? '') ?? {};
    const scope = form.get('scope');
    const status = reply.kind === 'answer' ? reply.status : undefined;
    requests.push({
      method: request.method,
      path,
      ...(status === undefined ? {} : { status }),
      ...(clientId === undefined ? {} : { clientId }),
      ...(scope === null ? {} : { scope }),
      at: clock.now(),
    });
    if (requests.length > MAX_RECORDED) requests.shift();
    log?.(
      `[IMS emulator] ${request.method} ${path} → ${status ?? 'no answer'}` +
        `${clientId === undefined ? '' : `, client ${clientId}`}${fault === undefined ? '' : `, fault ${fault}`}`,
    );
    if (reply.kind !== 'answer') return reply;
    return {
      ...reply,
      headers: {
        date: new Date(clock.now()).toUTCString(),
        'x-debug-id': `emulator-${randomUUID()}`,
        'x-ims-emulator': 'imsvault',
        ...reply.headers,
      },
    };
  }

  const started = (): string => {
    if (url === undefined) throw new Error('the IMS emulator is not running: call start() first');
    return url;
  };

  const emulator: ImsEmulator = {
    get tokenEndpoint() {
      return started() + TOKEN_PATH;
    },
    get url() {
      return started();
    },
    get requests() {
      return requests;
    },
    get exchanges() {
      return ims.tokens.size;
    },
    issuedTokens: () => [...ims.tokens.keys()],
    isIssued: (token) => ims.tokens.has(token),
    revoke(token) {
      const issued = ims.tokens.get(token);
      if (issued !== undefined) issued.revoked = true;
    },
    fail(fault, times = Number.POSITIVE_INFINITY) {
      if (!(times >= 1)) throw new RangeError('times must be at least 1');
      faults = [...faults.filter(({ left }) => left !== Number.POSITIVE_INFINITY), { fault, left: times }];
    },
    clearFaults() {
      faults = [];
    },
    setClientSecrets(clientId, clientSecrets) {
      const known = ims.secrets.get(clientId);
      if (known === undefined) throw new RangeError('the IMS emulator does not know this client');
      ims.secrets.set(
        clientId,
        clientSecrets.map(
          (secret) => known.find((each) => each.clientSecret === secret) ?? newSecret(secret, clock.now()),
        ),
      );
    },
    clientSecrets: (clientId) => ims.secrets.get(clientId)?.map((secret) => ({ ...secret })) ?? [],
    handle,
    async start() {
      server ??= startImsServer({ handle, clock, host, port, tls });
      const mine = server;
      try {
        const running = await mine;
        if (server === mine) url = running.url;
      } catch (error) {
        if (server === mine) server = undefined;
        throw error;
      }
      return emulator;
    },
    async stop() {
      const running = server;
      server = undefined;
      url = undefined;
      await (await running)?.close();
    },
  };
  return emulator;
}
