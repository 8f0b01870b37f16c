import { describe, expect, it, vi } from 'vitest';
import { type ErrorCode, ImsvaultError } from '../../src/errors.js';
import { redact } from '../../src/redacted.js';
import type { CredentialSource, ReadCredential } from '../../src/secret/credential-source.js';
import { createProviderChain } from '../../src/secret/provider-chain.js';

const found: ReadCredential = {
  credential: { clientId: 'id', clientSecrets: [redact('secret')] },
  version: { value: redact('{}'), id: '1' },
  provider: 'good',
};

function link(name: string, result: ReadCredential | ErrorCode) {
  const source: CredentialSource = {
    name,
    readCredential: vi.fn(async () => {
      if (typeof result === 'string') throw new ImsvaultError(result, `${name} says no`, { hint: `mend ${name}` });
      return result;
    }),
    close: vi.fn(async () => undefined),
  };
  return { name, source, open: vi.fn(async () => source) };
}

describe('provider chain', () => {
  it.each(['ERR_SECRET_NOT_FOUND', 'ERR_PROVIDER_NOT_CONFIGURED'] as const)('goes on past %s', async (code) => {
    const chain = createProviderChain([link('first', code), link('second', found)]);
    expect(await chain.readCredential()).toBe(found);
  });

  it.each([
    'ERR_SECRET_ACCESS_DENIED',
    'ERR_SECRET_MALFORMED',
    'ERR_SECRET_UNAVAILABLE',
    'ERR_PROVIDER_NOT_INSTALLED',
    'ERR_CONFIG_INVALID',
  ] as const)('stops at %s', async (code) => {
    const second = link('second', found);
    const chain = createProviderChain([link('first', code), second]);
    const error = await chain.readCredential().catch((reason: ImsvaultError) => reason);
    expect(error).toMatchObject({
      code,
      hint: 'mend first',
      message: expect.stringContaining('stopped at link 1 of 2'),
    });
    expect(second.open).not.toHaveBeenCalled();
  });

  it('names every link that was tried and why it failed', async () => {
    const chain = createProviderChain([
      link('one', 'ERR_PROVIDER_NOT_CONFIGURED'),
      link('two', 'ERR_SECRET_NOT_FOUND'),
    ]);
    const error = (await chain.readCredential().catch((reason: unknown) => reason)) as ImsvaultError;
    expect(error.code).toBe('ERR_SECRET_NOT_FOUND');
    expect(error.message).toBe(
      'no link of the chain has the credential:\n' +
        '  1. one: ERR_PROVIDER_NOT_CONFIGURED one says no\n' +
        '  2. two: ERR_SECRET_NOT_FOUND two says no',
    );
  });

  it('starts at the first link each time, opens each once, and asks one anew that could not open', async () => {
    const first = link('first', 'ERR_SECRET_NOT_FOUND');
    const second = link('second', found);
    second.open.mockRejectedValueOnce(new ImsvaultError('ERR_PROVIDER_NOT_INSTALLED', 'not there'));
    const chain = createProviderChain([first, second]);
    await expect(chain.readCredential()).rejects.toMatchObject({ code: 'ERR_PROVIDER_NOT_INSTALLED' });
    await chain.readCredential();
    await chain.readCredential();
    expect(first.open).toHaveBeenCalledTimes(1);
    expect(first.source.readCredential).toHaveBeenCalledTimes(3);
    expect(second.open).toHaveBeenCalledTimes(2);
    await chain.close();
    expect(first.source.close).toHaveBeenCalledTimes(1);
    expect(second.source.close).toHaveBeenCalledTimes(1);
  });

  it("keeps what the last link's error says of another try, and leaves no second close to it", async () => {
    const first = link('first', found);
    const busy = new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'busy', { retryable: false, retryAfterMs: 7 });
    vi.mocked(first.source.readCredential).mockRejectedValueOnce(busy);
    const chain = createProviderChain([first]);
    const error = await chain.readCredential().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ retryable: false, retryAfterMs: 7, cause: busy });
    expect(error).not.toHaveProperty('hint');
    await chain.close();
    await chain.close();
    expect(first.source.close).toHaveBeenCalledTimes(1);
  });

  it('hands the options on', async () => {
    const first = link('first', 'ERR_SECRET_NOT_FOUND');
    const second = link('second', found);
    const options = { fresh: true };
    const chain = createProviderChain([first, second]);
    expect(chain.name).toBe('chain');
    expect(await chain.readCredential(options)).toBe(found);
    expect(first.source.readCredential).toHaveBeenCalledWith(options);
    expect(second.source.readCredential).toHaveBeenCalledWith(options);
  });

  it('closes although a link is still about to fail', async () => {
    const first = link('first', found);
    let fail: (error: Error) => void = () => undefined;
    first.open.mockReturnValue(
      new Promise((_resolve, reject) => {
        fail = reject;
      }),
    );
    const chain = createProviderChain([first]);
    const reading = expect(chain.readCredential()).rejects.toThrow('no such store');
    const closing = chain.close();
    fail(new Error('no such store'));
    await closing;
    await reading;
  });

  it("lets the caller's reason through although it is one of our errors, and asks no further link", async () => {
    const controller = new AbortController();
    const reason = new ImsvaultError('ERR_ABORTED', 'closed');
    const first = link('first', 'ERR_SECRET_NOT_FOUND');
    first.open.mockImplementation(async () => {
      controller.abort(reason);
      return first.source;
    });
    const second = link('second', found);
    const chain = createProviderChain([first, second]);
    await expect(chain.readCredential({ signal: controller.signal })).rejects.toBe(reason);
    expect(second.open).not.toHaveBeenCalled();
  });

  it("lets an abort through as the caller's reason", async () => {
    const reason = new Error('enough');
    const aborting = {
      name: 'a',
      open: async () => ({
        name: 'a',
        readCredential: async () => {
          throw reason;
        },
        close: async () => undefined,
      }),
    };
    await expect(createProviderChain([aborting, link('second', found)]).readCredential()).rejects.toBe(reason);
  });
});
