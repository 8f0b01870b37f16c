import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type StoreTrace, storeChannel, traced } from '../../src/channels.js';
import { ImsvaultError } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import type { ElectionStore, SecretProvider } from '../../src/secret/provider.js';
import { traceProvider } from '../../src/secret/traced-provider.js';
import { createTokenProvider, type TokenProviderDeps } from '../../src/token-provider.js';
import { CLIENT_ID, CLIENT_SECRET, emulated, workspace } from '../cli/support.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';
import { createMemoryStore } from '../support/memory-store.js';

const PARTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

/** All messages of a tracing channel, copied when they come. */
function listen(name: string) {
  const messages: { part: string; message: Record<string, unknown> }[] = [];
  for (const part of PARTS) {
    const listener = (message: unknown) => messages.push({ part, message: { ...(message as object) } });
    subscribe(`tracing:${name}:${part}`, listener);
    endings.push(() => unsubscribe(`tracing:${name}:${part}`, listener));
  }
  return messages;
}

function listenToTokens() {
  const events: unknown[] = [];
  const listener = (event: unknown) => events.push(event);
  subscribe('imsvault:token', listener);
  endings.push(() => unsubscribe('imsvault:token', listener));
  return events;
}

describe('what a program’s tokens tell', () => {
  async function open(deps: TokenProviderDeps = {}) {
    const { emulator } = await emulated();
    const cwd = await workspace();
    const { state } = await createMemoryStore(cwd);
    const env = { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: CLIENT_SECRET };
    const ims = { tokenEndpoint: emulator.tokenEndpoint, retry: { maxAttempts: 2, baseDelay: '1ms', maxDelay: '1ms' } };
    const config = { ims, credentials: { provider: 'env' as const }, tokenStore: { provider: './store.mjs' as never } };
    const provider = createTokenProvider(config as never, { env, cwd, ...deps });
    endings.push(() => void provider.close());
    return { emulator, provider, state };
  }

  it('each event once, exchanges and the store’s calls; never a secret or a token', async () => {
    const [events, exchanges, calls] = [listenToTokens(), listen('imsvault:exchange'), listen('imsvault:store')];
    const heard: unknown[] = [];
    const { emulator, provider } = await open({ onEvent: (event) => heard.push(event) });
    await provider.getToken();
    expect(events).toEqual(heard);
    expect(events).toContainEqual(expect.objectContaining({ type: 'renewed', clientId: CLIENT_ID }));

    const { hostname, port } = new URL(emulator.url);
    const sent = { serverAddress: hostname, serverPort: Number(port), attempt: 1 };
    expect(exchanges.map(({ part }) => part)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(exchanges[0]?.message).toEqual(sent);
    expect(exchanges[3]?.message).toEqual({ ...sent, status: 200, durationMs: expect.any(Number) });

    const ended = calls.filter(({ part }) => part === 'asyncEnd').map(({ message }) => message);
    expect(ended.map(({ provider, operation }) => `${provider} ${operation}`)).toEqual([
      'memory read',
      'memory replace',
      'env read',
      'memory replace',
    ]);
    expectNoSecrets([events, exchanges, calls], [CLIENT_SECRET, ...emulator.issuedTokens()]);
  });

  it('each try of an exchange, with its status and error', async () => {
    const exchanges = listen('imsvault:exchange');
    const { emulator, provider } = await open();
    emulator.fail({ kind: 'unavailable' }, 1);
    await provider.getToken();
    const ended = exchanges.filter(({ part }) => part === 'asyncEnd').map(({ message }) => message);
    expect(ended).toMatchObject([
      { attempt: 1, status: 503, error: { code: 'ERR_TOKEN_ENDPOINT_UNAVAILABLE' } },
      { attempt: 2, status: 200 },
    ]);
    expect(exchanges.filter(({ part }) => part === 'error')).toHaveLength(1);
  });
});

describe('a traced request', () => {
  const clock = createManualClock();

  it('makes no message where nobody subscribes', async () => {
    const describe = vi.fn(() => ({ provider: 'x', operation: 'read' }) as StoreTrace);
    const work = vi.fn(async (trace?: StoreTrace) => trace);
    expect(await traced(storeChannel, clock, describe, work)).toBeUndefined();
    expect(describe).not.toHaveBeenCalled();
  });

  it('tells how long it took, and what may be told of an error that is not ours', async () => {
    const calls = listen('imsvault:store');
    const foreign = Object.assign(new Error(`with ${CLIENT_SECRET}`), { code: 'ECONNRESET', token: CLIENT_SECRET });
    const work = async () => {
      await clock.advance(250);
      throw foreign;
    };
    const call = traced(storeChannel, clock, () => ({ provider: 'x', operation: 'put' }), work);
    await expect(call).rejects.toBe(foreign);
    const error = { name: 'Error', code: 'ECONNRESET' };
    expect(calls.at(-1)?.message).toEqual({ provider: 'x', operation: 'put', durationMs: 250, error });
    expectNoSecrets(calls, [CLIENT_SECRET]);
  });

  it('gives and throws what the work does, also at once', async () => {
    listen('imsvault:store');
    const run = (work: () => Promise<unknown>) =>
      traced(storeChannel, clock, () => ({ provider: 'x', operation: 'read' }), work);
    expect(await run(async () => 5)).toBe(5);
    const error = new ImsvaultError('ERR_SECRET_NOT_FOUND', 'none');
    const atOnce = () => {
      throw error;
    };
    await expect(run(atOnce)).rejects.toBe(error);
  });
});

describe('a traced provider', () => {
  const clock = createManualClock();

  it('has what the provider has, and no more', () => {
    const least: SecretProvider = {
      name: 'least',
      describe: () => 'a place',
      readSecret: async () => ({ value: redact('x'), id: '1' }),
    };
    const provider = traceProvider(least, clock);
    expect(Object.keys(provider).sort()).toEqual(Object.keys(least).sort());
    expect(provider.describe({})).toBe('a place');
  });

  it('calls each method with its own this, and names it', async () => {
    /** As a third party may write it. */
    class Store implements SecretProvider<string> {
      readonly name = 'classy';
      readonly claimSpreadMs = 5;
      readonly writeIntervalMs = 6;
      readonly #seen: unknown[][] = [];
      #answer(...args: unknown[]) {
        this.#seen.push(args);
        return { id: String(this.#seen.length) } as never;
      }
      readonly election: ElectionStore<string> = {
        enter: async (ref, entry) => this.#answer('enter', ref, entry),
        list: async (ref, generation) => this.#answer('list', ref, generation),
      };
      readSecret = async (ref: string) => this.#answer('read', ref);
      async replaceSecret(...args: unknown[]) {
        return this.#answer('replace', ...args);
      }
      async readOtherVersions(...args: unknown[]) {
        return this.#answer('read-others', ...args);
      }
      async putSecret(...args: unknown[]) {
        return this.#answer('put', ...args);
      }
      async annotateSecret(...args: unknown[]) {
        return this.#answer('annotate', ...args);
      }
      async login(...args: unknown[]) {
        return this.#answer('login', ...args);
      }
      async close() {
        return this.#answer('close');
      }
      describe(ref: string) {
        return `${ref} of ${this.#seen.length}`;
      }
      get seen() {
        return this.#seen;
      }
    }
    const calls = listen('imsvault:store');
    const store = new Store();
    const provider = traceProvider(store, clock);
    await provider.readSecret('ref', { fresh: true });
    await provider.replaceSecret?.('ref', redact('x'), null);
    await provider.readOtherVersions?.('ref');
    await provider.putSecret?.('ref', redact('x'));
    await provider.annotateSecret?.('ref', { expiresAt: 1, generation: 1, clientId: 'c' });
    await provider.login?.();
    await provider.election?.enter('ref', { generation: 1, id: 'i', ttlMs: 1 });
    await provider.election?.list('ref', 1);
    await provider.close?.();
    expect([provider.claimSpreadMs, provider.writeIntervalMs]).toEqual([5, 6]);
    expect(provider.describe('ref')).toBe('ref of 9');
    const operations = ['read', 'replace', 'read-others', 'put', 'annotate', 'login', 'enter', 'list'];
    expect(store.seen.map(([operation]) => operation)).toEqual([...operations, 'close']);
    expect(calls.filter(({ part }) => part === 'start').map(({ message }) => message.operation)).toEqual(operations);
  });
});

it('the names that are documented are Node’s channels', () => {
  expect(channel('imsvault:token').hasSubscribers).toBe(false);
  expect(tracingChannel('imsvault:store').asyncEnd).toBe(storeChannel.asyncEnd);
});
