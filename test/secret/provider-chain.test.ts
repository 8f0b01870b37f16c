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
  const readCredential = vi.fn<CredentialSource['readCredential']>(async () => {
    if (typeof result === 'string') throw new ImsvaultError(result, `${name} says no`, { hint: `mend ${name}` });
    return result;
  });
  return { name, readCredential };
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
    expect(second.readCredential).not.toHaveBeenCalled();
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

  it('starts at the first link each time', async () => {
    const first = link('first', 'ERR_SECRET_NOT_FOUND');
    const second = link('second', found);
    second.readCredential.mockRejectedValueOnce(new ImsvaultError('ERR_PROVIDER_NOT_INSTALLED', 'not there'));
    const chain = createProviderChain([first, second]);
    await expect(chain.readCredential()).rejects.toMatchObject({ code: 'ERR_PROVIDER_NOT_INSTALLED' });
    await chain.readCredential();
    await chain.readCredential();
    expect(first.readCredential).toHaveBeenCalledTimes(3);
    expect(second.readCredential).toHaveBeenCalledTimes(3);
  });

  it("keeps what the last link's error says of another try", async () => {
    const first = link('first', found);
    const busy = new ImsvaultError('ERR_SECRET_UNAVAILABLE', 'busy', { retryable: false, retryAfterMs: 7 });
    first.readCredential.mockRejectedValueOnce(busy);
    const chain = createProviderChain([first]);
    const error = await chain.readCredential().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ retryable: false, retryAfterMs: 7, cause: busy });
    expect(error).not.toHaveProperty('hint');
  });

  it('hands the options on', async () => {
    const first = link('first', 'ERR_SECRET_NOT_FOUND');
    const second = link('second', found);
    const options = { fresh: true };
    const chain = createProviderChain([first, second]);
    expect(chain.name).toBe('chain');
    expect(await chain.readCredential(options)).toBe(found);
    expect(first.readCredential).toHaveBeenCalledWith(options);
    expect(second.readCredential).toHaveBeenCalledWith(options);
  });

  it("lets the caller's reason through although it is one of our errors, and asks no further link", async () => {
    const controller = new AbortController();
    const reason = new ImsvaultError('ERR_ABORTED', 'closed');
    const first = link('first', 'ERR_SECRET_NOT_FOUND');
    first.readCredential.mockImplementation(async () => {
      controller.abort(reason);
      throw new ImsvaultError('ERR_SECRET_NOT_FOUND', 'first says no');
    });
    const second = link('second', found);
    const chain = createProviderChain([first, second]);
    await expect(chain.readCredential({ signal: controller.signal })).rejects.toBe(reason);
    expect(second.readCredential).not.toHaveBeenCalled();
  });

  it("lets an abort through as the caller's reason", async () => {
    const reason = new Error('enough');
    const aborting = link('a', found);
    aborting.readCredential.mockRejectedValue(reason);
    await expect(createProviderChain([aborting, link('second', found)]).readCredential()).rejects.toBe(reason);
  });
});
