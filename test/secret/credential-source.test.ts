import { describe, expect, it, vi } from 'vitest';
import { ImsvaultError, type ImsvaultErrorOptions } from '../../src/errors.js';
import { redact, reveal } from '../../src/redacted.js';
import { createCredentialSource, STORE_RETRY } from '../../src/secret/credential-source.js';
import type { ReadOptions, SecretProvider, SecretVersion } from '../../src/secret/provider.js';
import { createManualClock } from '../support/manual-clock.js';

const version: SecretVersion = { value: redact('{"client_id":"id","client_secret":"s"}'), id: 'v1' };
const failed = (options: ImsvaultErrorOptions = {}) =>
  new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'the store is down', options);

type Answer = SecretVersion | Error | 'hang';

/** A source over scripted answers, of which the last repeats, with the times of its reads. */
function setup(answers: Answer[], others?: SecretProvider<string>['readOtherVersions']) {
  const clock = createManualClock();
  const reads: { at: number; options: ReadOptions | undefined }[] = [];
  const source = createCredentialSource({
    provider: {
      name: 'scripted',
      describe: (ref: string) => `the secret ${ref}`,
      async readSecret(_ref, options) {
        reads.push({ at: clock.monotonic(), options });
        const answer = answers[Math.min(reads.length, answers.length) - 1] as Answer;
        if (answer === 'hang') return new Promise(() => undefined);
        if (answer instanceof Error) throw answer;
        return answer;
      },
      ...(others === undefined ? {} : { readOtherVersions: others }),
    },
    ref: 'ims/fusion',
    clock,
    random: () => 0.5,
    timeoutMs: 1000,
  });
  async function run(options?: ReadOptions) {
    const settled = source.readCredential(options).then(
      (read) => ({ read, error: undefined }),
      (error: unknown) => ({ read: undefined, error }),
    );
    for (let step = 0; step < 200; step++) await clock.advance(100);
    return settled;
  }
  return { clock, reads, source, run };
}

describe('credential source', () => {
  it('reads and parses, and says where it came from', async () => {
    const { run, source, reads } = setup([version]);
    const { read } = await run();
    expect(read).toMatchObject({ provider: 'scripted', version: { id: 'v1' }, credential: { clientId: 'id' } });
    expect(read?.credential.clientSecrets.map(reveal)).toEqual(['s']);
    expect(source.name).toBe('scripted');
    expect(reads[0]?.options).not.toHaveProperty('fresh');
  });

  it('asks the store at each call', async () => {
    const { run, reads } = setup([version, { ...version, id: 'v2' }]);
    await run();
    expect((await run()).read?.version.id).toBe('v2');
    expect(reads).toHaveLength(2);
  });

  it('hands on that the read must go past every cache, at each try', async () => {
    const { run, reads } = setup([failed(), version]);
    await run({ fresh: true });
    expect(reads.map(({ options }) => options?.fresh)).toEqual([true, true]);
  });

  it('tries a store that is unavailable three times in all, with delays that double', async () => {
    const { run, reads } = setup([failed()]);
    expect((await run()).error).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', message: 'the store is down' });
    expect(reads.map(({ at }) => at)).toEqual([0, 100, 300]);
  });

  it("waits as long as the store's Retry-After says, up to its bound", async () => {
    const { run, reads } = setup([failed({ retryAfterMs: 2000 }), failed({ retryAfterMs: 60_000 }), version]);
    expect((await run()).read).toBeDefined();
    expect(reads.map(({ at }) => at)).toEqual([0, 2100, 2100 + STORE_RETRY.maxRetryAfterMs + 200]);
  });

  it.each<[string, Error]>([
    ['not found', new ImsvaultError('ERR_SECRET_NOT_FOUND', 'x')],
    ['denied', new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'x')],
    ['not configured', new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', 'x')],
    ['unavailable for good', failed({ retryable: false })],
    ['another code that can be retried', new ImsvaultError('ERR_SECRET_VERSION_CONFLICT', 'x')],
    ['an error that is not ours', new TypeError('x')],
  ])('throws at once, as it is: %s', async (_title, error) => {
    const { run, reads } = setup([error]);
    expect((await run()).error).toBe(error);
    expect(reads).toHaveLength(1);
  });

  it('tries a malformed secret once', async () => {
    const { run, reads } = setup([{ ...version, value: redact('nonsense') }]);
    expect((await run()).error).toMatchObject({
      code: 'ERR_SECRET_MALFORMED',
      message: expect.stringContaining('the secret ims/fusion'),
    });
    expect(reads).toHaveLength(1);
  });

  it('bounds each try, even of a provider that ignores its signal', async () => {
    const { run, reads, clock } = setup(['hang', 'hang', version]);
    expect((await run()).read).toBeDefined();
    expect(reads.map(({ at }) => at)).toEqual([0, 1100, 2300]);
    expect(reads[0]?.options?.signal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);

    const silent = setup(['hang']);
    expect((await silent.run()).error).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: true,
      message: 'the secret ims/fusion: no answer within 1000 ms',
      hint: expect.stringContaining('raise the timeout option'),
    });
  });

  it.each(['hang', failed()] as const)(
    "ends with the caller's reason, in a read and between two (%s)",
    async (answer) => {
      const { clock, source, reads } = setup([answer]);
      const controller = new AbortController();
      const reason = new Error('enough');
      const reading = expect(source.readCredential({ signal: controller.signal })).rejects.toBe(reason);
      await clock.advance(50);
      controller.abort(reason);
      await reading;
      await clock.advance(10_000);
      expect(reads).toHaveLength(1);
      expect(clock.pending).toBe(0);
    },
  );

  it('reads the same secret again past every cache, for as long as the caller waits', async () => {
    const { run, reads } = setup([version]);
    const { read } = await run();
    expect(await read?.readAgain?.(undefined)).toMatchObject({ version: { id: 'v1' } });
    expect(reads[1]?.options).toMatchObject({ fresh: true });
    const reason = new Error('enough');
    await expect(read?.readAgain?.(AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('reads what other versions hold, without those that hold no credential', async () => {
    const bad = { value: redact('nonsense'), id: 'v0' };
    const others = vi.fn(async (_ref: string, _options?: ReadOptions) => [bad, version]);
    const { run } = setup([version], others);
    const { read } = await run();
    const found = await read?.readOthers?.(undefined);
    expect(found).toEqual([{ provider: 'scripted', version, credential: expect.objectContaining({ clientId: 'id' }) }]);
    expect(others.mock.calls[0]).toEqual(['ims/fusion', { signal: expect.any(AbortSignal) }]);
  });

  it('bounds that read too, and knows none where the store keeps no versions', async () => {
    const { run, clock } = setup([version], () => new Promise(() => undefined));
    const { read } = await run();
    const reading = expect(read?.readOthers?.(undefined)).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    await clock.advance(1000);
    await reading;
    expect((await setup([version]).run()).read).not.toHaveProperty('readOthers');
  });
});
