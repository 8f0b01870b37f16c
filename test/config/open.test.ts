import { describe, expect, it, vi } from 'vitest';
import type { AnyProviderModule } from '../../providers/registry.js';
import { openCredentialSource, openProvider } from '../../src/config/open.js';
import type { SingleProvider } from '../../src/config/provider-block.js';
import { createSharedProviders } from '../../src/config/provider-pool.js';
import { ImsvaultError } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import type { ProviderContext, SecretProvider } from '../../src/secret/provider.js';
import { createManualClock, settle } from '../support/manual-clock.js';

const SECRET = redact('{"client_id":"id","client_secret":"s"}');

function setUp(create?: (context: ProviderContext) => Promise<SecretProvider<object>>) {
  const provider = {
    name: 'fake',
    describe: () => 'the secret',
    readSecret: vi.fn(async () => ({ value: SECRET, id: '1' })),
    close: vi.fn(async () => undefined),
  };
  const createProvider = vi.fn(async (_connection: object, context: ProviderContext) =>
    create === undefined ? provider : create(context),
  );
  const module = { name: 'fake', options: {}, refOptions: ['path'], createProvider } as unknown as AnyProviderModule;
  const block: SingleProvider = {
    provider: 'fake',
    module,
    connection: { address: 'a' },
    ref: { path: 'p' },
    timeoutMs: 1000,
  };
  const clock = createManualClock();
  const warn = vi.fn();
  const deps = { clock, random: () => 0, env: { A: 'b' }, baseDir: '/base', proxy: {}, warn };
  const pool = createSharedProviders(deps).lease('/base');
  return { provider, createProvider, block, deps, pool, clock };
}

describe('an opened credential source', () => {
  it('makes the client with the first read, once for all readers', async () => {
    const { provider, createProvider, block, deps, pool } = setUp();
    const source = openCredentialSource(block, deps, pool);
    expect(source.name).toBe('fake');
    expect(createProvider).not.toHaveBeenCalled();
    const results = await Promise.all([source.readCredential(), source.readCredential()]);
    expect(createProvider).toHaveBeenCalledOnce();
    expect(createProvider).toHaveBeenCalledWith(
      { address: 'a' },
      expect.objectContaining({ baseDir: '/base', timeoutMs: 1000 }),
    );
    expect(provider.readSecret).toHaveBeenCalledTimes(2);
    expect(provider.readSecret).toHaveBeenCalledWith({ path: 'p' }, expect.anything());
    expect(results[0].credential.clientId).toBe('id');
    await pool.close();
    expect(provider.close).toHaveBeenCalledOnce();
  });

  it('tries anew after a client could not be made', async () => {
    const { provider, createProvider, block, deps, pool } = setUp();
    createProvider.mockRejectedValueOnce(new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', 'no address'));
    const source = openCredentialSource(block, deps, pool);
    await expect(source.readCredential()).rejects.toMatchObject({ code: 'ERR_PROVIDER_NOT_CONFIGURED' });
    expect((await source.readCredential()).version.id).toBe('1');
    expect(provider.readSecret).toHaveBeenCalledOnce();
  });

  it('does not wait for ever for a client, and ends on abort', async () => {
    const { block, deps, pool, clock } = setUp(() => new Promise(() => undefined));
    const source = openCredentialSource(block, deps, pool);
    const late = source.readCredential().catch((error: unknown) => error);
    const reason = new Error('enough');
    const controller = new AbortController();
    const aborted = source.readCredential({ signal: controller.signal }).catch((error: unknown) => error);
    await settle();
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    await clock.advance(1000);
    expect(await late).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      message: 'fake: not opened within 1000 ms',
      retryable: true,
    });
  });

  it('closes a client that comes too late, and asks for another at the next read', async () => {
    const { provider, createProvider, block, deps, pool, clock } = setUp();
    let come = (_late: SecretProvider<object>) => undefined as unknown;
    createProvider.mockReturnValueOnce(new Promise((resolve) => (come = resolve)));
    const source = openCredentialSource(block, deps, pool);
    const [first, joined] = [source.readCredential(), source.readCredential()].map((read) => read.catch(() => 'late'));
    await clock.advance(1000);
    expect([await first, await joined]).toEqual(['late', 'late']);
    expect((await source.readCredential()).version.id).toBe('1');
    const late = { ...provider, close: vi.fn(async () => undefined) };
    come(late);
    await settle();
    expect(late.close).toHaveBeenCalledOnce();
    expect(provider.close).not.toHaveBeenCalled();
  });

  it.each([
    [new TypeError('hvs.leak'), 'fake: unexpected TypeError'],
    [Object.assign(new Error('hvs.leak'), { code: 'EPROTO' }), 'fake: unexpected EPROTO'],
  ])('lets no error of a provider out, and says whose fault it is', async (thrown, message) => {
    const { provider, block, deps, pool } = setUp(async () => Promise.reject(thrown));
    const error = await openCredentialSource(block, deps, pool)
      .readCredential()
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      message,
      retryable: false,
      hint: 'This is a fault in the provider; report it to its authors.',
    });
    expect(provider.readSecret).not.toHaveBeenCalled();
  });

  it('lets none out in a read that is aborted either, but for the reason of the signal', async () => {
    const { provider, block, deps, pool } = setUp();
    const controller = new AbortController();
    // Past the wait that the signal ends: its reason is not what fails.
    provider.readSecret.mockResolvedValueOnce({
      id: '1',
      get value(): typeof SECRET {
        controller.abort(new Error('enough'));
        throw new TypeError('hvs.leak');
      },
    });
    const error = await openCredentialSource(block, deps, pool)
      .readCredential({ signal: controller.signal })
      .catch((reason: unknown) => reason);
    expect(controller.signal.aborted).toBe(true);
    expect(error).toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', message: 'fake: unexpected TypeError' });
  });

  it('gives a provider HTTP clients of its own', async () => {
    const { createProvider, block, deps } = setUp();
    await openProvider(block, deps);
    const client = createProvider.mock.lastCall?.[1].createHttpClient({ baseUrl: 'http://127.0.0.1:1' } as never);
    expect(client).toMatchObject({ close: expect.any(Function) });
    await client?.close();
  });

  it('that was never read closes without making a client', async () => {
    const { createProvider, block, deps, pool } = setUp();
    openCredentialSource(block, deps, pool);
    await pool.close();
    expect(createProvider).not.toHaveBeenCalled();
  });

  it('may be a chain, whose links are made only when asked', async () => {
    const first = setUp(async () => {
      throw new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', 'nothing is set');
    });
    const [second, third] = [setUp(), setUp()];
    const block = { provider: 'chain' as const, links: [first.block, second.block, third.block] };
    const source = openCredentialSource(block, first.deps, first.pool);
    expect((await source.readCredential()).provider).toBe('fake');
    expect(first.createProvider).toHaveBeenCalledOnce();
    expect(second.createProvider).toHaveBeenCalledOnce();
    expect(third.createProvider).not.toHaveBeenCalled();
    await first.pool.close();
    expect(second.provider.close).toHaveBeenCalledOnce();
  });

  it('gives the provider, traced, to those who ask for it: all that it can, and nothing else', async () => {
    const { provider, block, deps } = setUp();
    const opened = await openProvider(block, deps);
    expect(Object.keys(opened).sort()).toEqual(Object.keys(provider).sort());
    const [ref, options] = [{ path: 'a' }, { fresh: true }];
    expect((await opened.readSecret(ref, options)).value).toBe(SECRET);
    expect(provider.readSecret).toHaveBeenCalledExactlyOnceWith(ref, options);
    await opened.close?.();
    expect(provider.close).toHaveBeenCalledOnce();
  });
});

describe('clients that several share', () => {
  it('are one for blocks that reach the store in the same way, and are closed with the last', async () => {
    const { provider, createProvider, block, deps } = setUp();
    const shared = createSharedProviders(deps);
    const [one, two] = [shared.lease('/base'), shared.lease('/base')];
    const secret = (value: string) => ({ ...block, ref: {}, connection: { token: redact(value), none: undefined } });
    const client = await one.open(secret('a'));
    expect(await two.open({ ...secret('a'), connection: { token: redact('a') } })).toBe(client);
    expect(createProvider).toHaveBeenCalledExactlyOnceWith(
      expect.anything(),
      expect.objectContaining({ baseDir: '/base', timeoutMs: 1000, env: { A: 'b' } }),
    );
    await one.close();
    expect(provider.close).not.toHaveBeenCalled();
    await two.close();
    expect(provider.close).toHaveBeenCalledOnce();
  });

  it('are others for another secret, place, bound, module or folder', async () => {
    const { createProvider, block, deps } = setUp();
    const shared = createSharedProviders(deps);
    const lease = shared.lease('/base');
    const first = { ...block, connection: { auth: [{ token: redact('a') }] } };
    const clients = [
      await lease.open(first),
      await lease.open({ ...first, connection: { auth: [{ token: redact('b') }] } }),
      await lease.open({ ...first, connection: { auth: [{ token: redact('a') }], address: 'b' } }),
      await lease.open({ ...first, timeoutMs: 2000 }),
      await lease.open({ ...first, module: { ...block.module } }),
      await shared.lease('/other').open(first),
    ];
    expect(new Set(clients).size).toBe(clients.length);
    expect(createProvider).toHaveBeenCalledTimes(clients.length);
    expect(createProvider.mock.lastCall?.[1].baseDir).toBe('/other');
  });

  it('need not be able to close', async () => {
    const bare = { name: 'fake', describe: () => '', readSecret: async () => ({ value: SECRET, id: '1' }) };
    const { block, deps } = setUp(async () => bare);
    const lease = createSharedProviders(deps).lease('/base');
    await lease.open(block);
    await expect(lease.close()).resolves.toBeUndefined();
  });
});
