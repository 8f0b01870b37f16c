import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { AccessToken } from '../../src/access-token.js';
import type { AgentProfiles } from '../../src/agent/agent-profiles.js';
import { type AgentServer, type AgentServerOptions, startAgentServer } from '../../src/agent/agent-server.js';
import type { ListenAddress } from '../../src/net/listen-address.js';
import { createTokenEvents } from '../../src/token/token-events.js';
import { createTokenManager } from '../../src/token/token-manager.js';
import type { TokenProvider } from '../../src/token-provider.js';
import { fakeToken } from '../support/fake-token.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';

export const KEY = 'agent-key-0123456789abcdefghij';
export const LOOPBACK: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

export function onEnd(end: () => unknown): void {
  ends.push(end);
}

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-agent-'));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A provider over the real manager, whose renewals a test decides. */
export interface FakeProvider extends TokenProvider {
  /** What the next renewals do; default: a token of a day. */
  renew: () => Promise<AccessToken>;
  /** Renewals begun. */
  renewals: number;
}

export function fakeProvider(clock: ManualClock): FakeProvider {
  const events = createTokenEvents(undefined, () => undefined);
  const manager = createTokenManager({
    async renew() {
      provider.renewals++;
      return { token: await provider.renew(), source: 'vault' };
    },
    clock,
    random: () => 0.5,
    onEvent: events.emit,
  });
  const provider: FakeProvider = {
    renewals: 0,
    renew: async () => fakeToken(clock.now(), 86_400),
    getToken: manager.getToken,
    peekToken: manager.peekToken,
    status: () => ({ ...manager.status(), counters: events.counters() }),
    close: async () => manager.close(),
  };
  return provider;
}

export function profilesOf(
  providers: Readonly<Record<string, TokenProvider>>,
  defaultName: string | undefined = Object.keys(providers)[0],
): AgentProfiles {
  const byName = new Map(Object.entries(providers));
  return {
    names: [...byName.keys()],
    defaultName,
    get: (name = defaultName) => (name === undefined ? undefined : byName.get(name)),
  };
}

export interface TestAgent extends AgentServer {
  readonly clock: ManualClock;
  readonly main: FakeProvider;
  readonly other: FakeProvider;
  readonly warnings: string[];
}

/** An agent with the profiles `main` (default) and `other`. */
export async function startAgent(options: Partial<AgentServerOptions> = {}): Promise<TestAgent> {
  const clock = createManualClock();
  const main = fakeProvider(clock);
  const other = fakeProvider(clock);
  const warnings: string[] = [];
  const profiles = profilesOf({ main, other });
  const agent = await startAgentServer({
    listen: [LOOPBACK],
    accessToken: { matches: (candidate) => candidate === KEY },
    profiles: () => profiles,
    clock,
    warn: (message) => warnings.push(message),
    ...options,
  });
  onEnd(async () => {
    const closed = agent.close(0);
    await clock.advance(1);
    await closed;
    await Promise.all([main.close(), other.close()]);
  });
  return { ...agent, clock, main, other, warnings };
}

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers as they please
  json: any;
}

export interface AskOptions {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
  /** Without the agent's token. */
  anonymous?: boolean;
  signal?: AbortSignal;
}

export function ask(address: ListenAddress | undefined, path: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', body, headers = {}, anonymous = false, signal } = options;
  if (address === undefined) throw new Error('no address');
  const where =
    address.kind === 'tcp'
      ? { host: address.host, port: address.port }
      : { socketPath: address.path, host: 'localhost' };
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const key = anonymous ? {} : { 'x-imsvault-token': KEY };
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...where,
        path,
        method,
        agent: false,
        headers: { ...key, ...length, ...headers },
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () => {
          const isJson = response.headers['content-type'] === 'application/json' && text !== '';
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: isJson ? JSON.parse(text) : undefined,
          });
        });
      },
    );
    asked.once('error', reject);
    asked.end(body);
  });
}

export function portOf(address: ListenAddress | undefined): number {
  if (address?.kind !== 'tcp') throw new Error('not a TCP address');
  return address.port;
}

/** A connection without a client's good manners. */
export function openRaw(address: ListenAddress | undefined): Promise<Socket> {
  const port = portOf(address);
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
    onEnd(() => socket.destroy());
  });
}

/** Writes `text` and gives all that comes until the server closes, at most for `boundMs`. */
export async function sendRaw(address: ListenAddress | undefined, text: string, boundMs = 5000): Promise<string> {
  const socket = await openRaw(address);
  return new Promise((resolve) => {
    let answer = '';
    const timer = setTimeout(() => socket.destroy(), boundMs);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.write(text);
  });
}
