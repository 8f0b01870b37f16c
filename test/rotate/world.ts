import { expect } from 'vitest';
import type { AccessToken } from '../../src/access-token.js';
import { ImsvaultError } from '../../src/errors.js';
import { createExchanger } from '../../src/ims/exchange.js';
import type { HttpClient, HttpResponse } from '../../src/net/http-client.js';
import { type Redacted, redact, reveal } from '../../src/redacted.js';
import { createCredentialSlot } from '../../src/rotate/credential-slot.js';
import { type RotateOptions, rotate } from '../../src/rotate/rotate.js';
import { createRotationPayload } from '../../src/rotate/rotation-payload.js';
import { createSecretsApi } from '../../src/rotate/secrets-api.js';
import { parseCredential } from '../../src/secret/credential.js';
import type { SecretProvider } from '../../src/secret/provider.js';
import { createImsEmulator, type ImsAnswer } from '../../src/testing/index.js';
import { createExchangeRenewal } from '../../src/token/exchange-renewal.js';
import { createManualClock } from '../support/manual-clock.js';

export const CLIENT_ID = 'rotating-client';
export const OLD = 'p8e-old-secret';
const ORIGIN = 'https://emulator.invalid';
export const SCOPE = [
  'AdobeID',
  'openid',
  'read_organizations',
  'additional_info.projectedProductContext',
  'additional_info.roles',
  'adobeio_api',
  'read_client_secret',
  'manage_client_secrets',
];

/** The process came to its end at the point where it was to be killed. */
export class Killed extends Error {}

/** What one run has to do with the world: each request and each write, before and after it. */
export interface Process {
  /** The points that it came to. */
  points: string[];
  /** Runs at each point; may make the process wait, or end. */
  at: (point: string) => Promise<void> | void;
}

/** Adobe, a store, and runs that rotate between them: all in this process, on one clock. */
export function createWorld(initial: string, { compareAndSwap = true, expiresInSeconds = 86_399 } = {}) {
  const clock = createManualClock();
  const client = { clientId: CLIENT_ID, clientSecrets: [OLD], consoleOrgId: '1', credentialId: '2' };
  const emulator = createImsEmulator({
    clock,
    clients: [client, { clientId: 'other', clientSecrets: [OLD] }],
    expiresInSeconds,
  });
  const versions = [initial];
  /** Everything that was ever deleted, as it was then. */
  const deleted: { uuid: string; clientSecret: string; lastUsedAt?: number }[] = [];

  /** Set by a test that breaks things by hand: then the store need not work. */
  const interference = { happened: false };

  const current = () => versions.at(-1) as string;
  const credential = () => parseCredential(redact(current()), 'the store', undefined);
  /** Whoever reads the store now must get a token with what it gives. */
  const isStoreUsable = () => {
    if (interference.happened) return true;
    const [secret] = credential().clientSecrets;
    return emulator.clientSecrets(CLIENT_ID).some(({ clientSecret }) => clientSecret === reveal(secret));
  };

  function handle(method: string, url: string, headers: Record<string, string>, body: string): HttpResponse {
    const before = emulator.clientSecrets(CLIENT_ID);
    const reply = emulator.handle({ method, path: url.slice(ORIGIN.length), headers, body }) as ImsAnswer;
    const after = emulator.clientSecrets(CLIENT_ID);
    deleted.push(...before.filter(({ uuid }) => !after.some((other) => other.uuid === uuid)));
    return { status: reply.status, headers: reply.headers, body: Buffer.from(reply.body) };
  }

  function httpOf({ at, points }: Process): HttpClient {
    const point = async (name: string) => {
      points.push(name);
      await at(name);
    };
    return {
      async request({ method, url, headers = {}, body = '', signal }) {
        const what = `${method} ${new URL(url).pathname.replace(/secrets\/.*/, 'secrets/…')}`;
        await point(`before ${what}`);
        const response = handle(method, url, headers, String(body));
        expect(isStoreUsable(), `the store's credential must work after ${what}`).toBe(true);
        await point(`after ${what}`);
        signal?.throwIfAborted();
        return response;
      },
      connectAhead: async () => undefined,
      close: async () => undefined,
    };
  }

  function providerOf({ at, points }: Process): SecretProvider<string> {
    const write = async (value: Redacted<string>, expected: string | undefined) => {
      points.push('before write');
      await at('before write');
      if (expected !== undefined && expected !== String(versions.length)) {
        throw new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', 'another version has become current');
      }
      versions.push(reveal(value));
      expect(isStoreUsable(), "the store's credential must work after a write").toBe(true);
      const id = String(versions.length);
      points.push('after write');
      await at('after write');
      return { id };
    };
    return {
      name: 'memory',
      describe: () => 'the secret',
      async readSecret() {
        await at('read');
        return { value: redact(current()), id: String(versions.length) };
      },
      ...(compareAndSwap
        ? {
            replaceSecret: (_ref: string, value: Redacted<string>, expected: string | null) =>
              write(value, String(expected)),
          }
        : { putSecret: (_ref: string, value: Redacted<string>) => write(value, undefined) }),
    };
  }

  let ids = 0;
  /** A run of `imsvault rotate --yes`. */
  function run(options: Partial<RotateOptions> = {}, process: Process = { points: [], at: () => undefined }) {
    const common = { clock, random: () => 0, timeoutMs: 10_000 };
    const provider = providerOf(process);
    const slot = createCredentialSlot({ ...common, provider, ref: 'x' });
    const http = httpOf(process);
    const ims = { ...common, http, tokenEndpoint: `${ORIGIN}/ims/token/v3`, warn: () => undefined };
    const renew = createExchangeRenewal({
      ...ims,
      source: slot.source,
      exchanger: createExchanger({ ...ims, scope: SCOPE }),
    });
    const exchanger = createExchanger(ims);
    let token: AccessToken | undefined;
    return rotate({
      ...common,
      slot,
      payload: createRotationPayload(slot.place, undefined),
      api: createSecretsApi({
        ...common,
        http,
        endpoint: ORIGIN,
        orgId: '1',
        credentialId: '2',
        async token(signal) {
          token ??= (await renew(signal)).token;
          return token;
        },
      }),
      exchange: (credential, signal) => exchanger.exchange(credential, signal),
      newId: () => `run-${++ids}`,
      dryRun: false,
      confirm: async () => true,
      report: () => undefined,
      signal: new AbortController().signal,
      ...options,
    });
  }

  /** A run that is killed at the point with this number, if it comes so far. @returns the points that it came to */
  async function killedAt(number: number): Promise<string[]> {
    const points: string[] = [];
    let kill: (error: Error) => void = () => undefined;
    const death = new Promise<never>((_resolve, reject) => {
      kill = reject;
    });
    const at = (name: string) => {
      if (name === 'read' || points.length <= number) return undefined;
      kill(new Killed(name));
      // Nothing that it began goes on.
      return new Promise<void>(() => undefined);
    };
    await Promise.race([run({}, { points, at }), death]).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    return points;
  }

  return {
    clock,
    emulator,
    versions,
    deleted,
    current,
    credential,
    isStoreUsable,
    interference,
    providerOf,
    httpOf,
    run,
    killedAt,
  };
}

export type World = ReturnType<typeof createWorld>;

/** One secret at Adobe, the store holds it, and nothing tells of a rotation. */
export function expectFinished({ emulator, current, credential }: World): void {
  const secrets = emulator.clientSecrets(CLIENT_ID);
  expect(secrets).toHaveLength(1);
  expect(credential().clientSecrets.map(reveal)).toEqual([secrets[0]?.clientSecret]);
  expect(current()).not.toContain('imsvault_rotation');
}
