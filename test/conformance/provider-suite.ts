import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { ImsvaultError } from '../../src/errors.js';
import { reveal } from '../../src/redacted.js';
import { createCredentialSource } from '../../src/secret/credential-source.js';
import type { SecretProvider } from '../../src/secret/provider.js';
import { expectNoSecrets } from '../support/leaks.js';

/** `none` ends a fault. `hang` accepts a request and never answers; `down` refuses, resets or answers 5xx. */
export type StoreFault = 'none' | 'denied' | 'down' | 'hang';

/** A provider and the levers on its store. */
export interface ProviderHarness<Ref> {
  provider: SecretProvider<Ref>;
  /** A secret that the suite may write. */
  ref: Ref;
  /** A secret that does not exist. */
  missingRef: Ref;
  /** Makes `value` the current version of `ref`. */
  write(value: string): Promise<void>;
  fault(kind: StoreFault): Promise<void>;
  /** Every login, token and key in play: none may show up in an error or a log. */
  secrets: string[];
  close(): Promise<void>;
}

type Case = 'absent' | 'denied' | 'down' | 'hang' | 'large' | 'unicode';

export interface SuiteOptions<Ref> {
  name: string;
  create(): Promise<ProviderHarness<Ref>>;
  /** The largest value that the store takes, in bytes. */
  maxValueBytes: number;
  /** What this store cannot do, with the reason, which the report prints. */
  skip?: Partial<Record<Case, string>>;
}

const SECRET = 'p8e-CONFORMANCE-marked-secret-1';
const credential = (id: string, secret = SECRET) => JSON.stringify({ client_id: id, client_secret: secret });

/** The one suite that judges every provider. */
export function providerConformance<Ref>({ name, create, maxValueBytes, skip = {} }: SuiteOptions<Ref>): void {
  describe(`${name}: provider conformance`, () => {
    let harness: ProviderHarness<Ref>;
    let output = '';
    const restore: (() => void)[] = [];

    beforeAll(async () => {
      for (const stream of [process.stdout, process.stderr]) {
        const spy = vi.spyOn(stream, 'write').mockImplementation((chunk: unknown) => {
          output += String(chunk);
          return true;
        });
        restore.push(() => spy.mockRestore());
      }
      harness = await create();
    });
    afterEach(() => harness.fault('none'));
    afterAll(async () => {
      await harness?.close();
      for (const undo of restore) undo();
      expectNoSecrets(output, [SECRET, ...(harness?.secrets ?? [])]);
    });

    function testUnlessSkipped(kind: Case, title: string, run: () => Promise<void>): void {
      const reason = skip[kind];
      if (reason === undefined) it(title, run);
      else it.skip(`${title} (not here: ${reason})`, run);
    }

    const source = (timeoutMs = 5000) =>
      createCredentialSource({
        provider: harness.provider,
        ref: harness.ref,
        clock: systemClock,
        random: () => 0,
        timeoutMs,
        retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, maxRetryAfterMs: 1 },
      });

    async function failure(promise: Promise<unknown>): Promise<ImsvaultError> {
      const error = await promise.then(
        () => expect.unreachable('it should have failed'),
        (reason: unknown) => reason,
      );
      expectNoSecrets(error, [SECRET, ...harness.secrets]);
      expect(error).toBeInstanceOf(ImsvaultError);
      return error as ImsvaultError;
    }

    it('reads what is stored', async () => {
      await harness.write(credential('found'));
      const version = await harness.provider.readSecret(harness.ref);
      expect(JSON.parse(reveal(version.value))).toMatchObject({ client_id: 'found', client_secret: SECRET });
      expect(version.id).toMatch(/\S/);
      expectNoSecrets(version, [SECRET, ...harness.secrets]);
      expectNoSecrets(harness.provider, [SECRET, ...harness.secrets]);
    });

    it('gives the same id for the same value, and another after a rotation', async () => {
      await harness.write(credential('first'));
      const first = await harness.provider.readSecret(harness.ref);
      expect((await harness.provider.readSecret(harness.ref)).id).toBe(first.id);
      await harness.write(credential('second'));
      const second = await harness.provider.readSecret(harness.ref);
      expect(second.id).not.toBe(first.id);
      expect((await source().readCredential()).credential.clientId).toBe('second');
    });

    testUnlessSkipped('absent', 'says "not found" for a secret that does not exist', async () => {
      const error = await failure(harness.provider.readSecret(harness.missingRef));
      expect(error.code).toBe('ERR_SECRET_NOT_FOUND');
      expect(error.retryable).toBe(false);
    });

    testUnlessSkipped('denied', 'says "access denied", never "not found", when it may not read', async () => {
      await harness.write(credential('denied'));
      await harness.fault('denied');
      const error = await failure(harness.provider.readSecret(harness.ref));
      expect(error.code).toBe('ERR_SECRET_ACCESS_DENIED');
      expect(error.hint).toMatch(/\S/);
      await harness.fault('none');
      expect((await source().readCredential()).credential.clientId).toBe('denied');
    });

    testUnlessSkipped('down', 'says "unavailable", and that a retry may help, when the store is down', async () => {
      await harness.write(credential('down'));
      await harness.fault('down');
      const error = await failure(harness.provider.readSecret(harness.ref));
      expect(error.code).toBe('ERR_SECRET_UNAVAILABLE');
      expect(error.retryable).toBe(true);
      await harness.fault('none');
      expect((await source().readCredential()).credential.clientId).toBe('down');
    });

    testUnlessSkipped('hang', 'ends in time when the store never answers', async () => {
      await harness.write(credential('hang'));
      await harness.fault('hang');
      const started = performance.now();
      const error = await failure(source(400).readCredential());
      expect(error.code).toBe('ERR_SECRET_UNAVAILABLE');
      expect(performance.now() - started).toBeLessThan(3000);
    });

    testUnlessSkipped('hang', "rejects with the caller's reason when it aborts", async () => {
      await harness.write(credential('abort'));
      await harness.fault('hang');
      const controller = new AbortController();
      const reason = new Error('the caller gave up');
      const read = harness.provider.readSecret(harness.ref, { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 50);
      await expect(read).rejects.toBe(reason);
    });

    it('does not start when the signal is already aborted', async () => {
      const reason = new Error('too late');
      await expect(harness.provider.readSecret(harness.ref, { signal: AbortSignal.abort(reason) })).rejects.toBe(
        reason,
      );
    });

    testUnlessSkipped('unicode', 'keeps every character', async () => {
      const secret = `${SECRET} "ünïcödé" 漢字 😀 \\ / & + %41`;
      await harness.write(credential('unicode', secret));
      const { credential: read } = await source().readCredential();
      expect(reveal(read.clientSecrets[0])).toBe(secret);
    });

    testUnlessSkipped('large', `reads a value of ${maxValueBytes} bytes`, async () => {
      const bare = JSON.stringify({ client_id: 'large', client_secret: SECRET, padding: '' });
      const value = JSON.stringify({
        client_id: 'large',
        client_secret: SECRET,
        padding: 'x'.repeat(maxValueBytes - bare.length),
      });
      await harness.write(value);
      expect(JSON.parse(reveal((await harness.provider.readSecret(harness.ref)).value)).padding).toHaveLength(
        maxValueBytes - bare.length,
      );
    });

    it.each([
      ['a secret without an id', JSON.stringify({ client_secret: SECRET })],
      ['a secret that is a number', JSON.stringify({ client_id: 'n', client_secret: 42 })],
    ])('calls %s malformed, and names the fields', async (_title, value) => {
      await harness.write(value).catch(() => undefined);
      const error = await failure(source().readCredential());
      expect(error.code).toBe('ERR_SECRET_MALFORMED');
      expect(error.message).toMatch(/client_id|client_secret|CLIENT_ID|CLIENT_SECRET/);
    });

    it('serves many reads at once', async () => {
      await harness.write(credential('many'));
      const reads = await Promise.all(Array.from({ length: 20 }, () => source().readCredential()));
      expect(new Set(reads.map((read) => read.credential.clientId))).toEqual(new Set(['many']));
    });

    it('describes its place without a secret', () => {
      const text = harness.provider.describe(harness.ref);
      expect(text).toMatch(/\S/);
      expectNoSecrets(text, [SECRET, ...harness.secrets]);
    });
  });
}
