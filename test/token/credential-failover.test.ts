import { describe, expect, it } from 'vitest';
import { AccessToken } from '../../src/access-token.js';
import { ConfigInvalidError, ImsvaultError, TokenRequestRejectedError } from '../../src/errors.js';
import type { Exchanger } from '../../src/ims/exchange.js';
import { redact, reveal } from '../../src/redacted.js';
import { createCredentialSource } from '../../src/secret/credential-source.js';
import type { SecretProvider, SecretVersion } from '../../src/secret/provider.js';
import { createProviderChain } from '../../src/secret/provider-chain.js';
import { createExchangeRenewal } from '../../src/token/exchange-renewal.js';
import { expectNoSecrets } from '../support/leaks.js';
import { createManualClock } from '../support/manual-clock.js';

const secrets = ['s-first', 's-second', 's-third', 's-fourth', 's-fifth', 's-sixth'];
const version = (id: string, values: readonly string[], stage?: string): SecretVersion => ({
  value: redact(JSON.stringify({ client_id: 'id', client_secrets: values })),
  id,
  ...(stage === undefined ? {} : { stage }),
});

interface Given {
  /** What reads give, the last again and again. */
  reads: (SecretVersion | Error)[];
  others?: SecretVersion[] | Error;
  /** What IMS accepts. */
  accepted: string[];
  /** Answers in place of a rejection, from the second try on. */
  failure?: Error;
  /** Answers in place of the first rejection. */
  firstFailure?: Error;
  /** Time that an exchange takes. */
  exchangeMs?: number;
}

function setup(given: Given) {
  const clock = createManualClock();
  const tried: string[] = [];
  const reads: boolean[] = [];
  const warnings: string[] = [];
  const provider: SecretProvider<string> = {
    name: 'store',
    describe: () => 'the secret',
    async readSecret(_ref, { fresh = false } = {}) {
      reads.push(fresh);
      const next = given.reads.length > 1 ? given.reads.shift() : given.reads[0];
      if (next instanceof Error) throw next;
      return next as SecretVersion;
    },
    ...(given.others === undefined
      ? {}
      : {
          async readOtherVersions() {
            if (given.others instanceof Error) throw given.others;
            return given.others ?? [];
          },
        }),
  };
  const source = createCredentialSource({ provider, ref: 'x', clock, random: () => 0, timeoutMs: 1000 });
  const exchanger: Exchanger = {
    connectAhead: () => undefined,
    async exchange({ clientId, clientSecrets: [secret] }) {
      tried.push(reveal(secret));
      if (given.exchangeMs !== undefined) await clock.advance(given.exchangeMs);
      if (given.accepted.includes(reveal(secret))) {
        const now = clock.now();
        const fields = { tokenType: 'bearer', expiresAt: now + 1000, issuedAt: now, scope: [], clientId };
        return { token: new AccessToken({ ...fields, accessToken: reveal(secret) }), clockOffsetMs: 0 };
      }
      if (given.firstFailure !== undefined && tried.length === 1) throw given.firstFailure;
      throw given.failure && tried.length > 1
        ? given.failure
        : new TokenRequestRejectedError(
            `rejected, try ${tried.length}`,
            { error: 'invalid_client', status: 400 },
            { hint: 'Compare.' },
          );
    },
  };
  const renew = createExchangeRenewal({
    source: createProviderChain([source]),
    exchanger,
    clock,
    timeoutMs: 60_000,
    warn: (message) => warnings.push(message),
  });
  return { given, renew, tried, reads, warnings };
}

async function failing(bench: ReturnType<typeof setup>): Promise<ImsvaultError> {
  const error = await bench.renew().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expectNoSecrets([error, bench.warnings], secrets);
  return error as ImsvaultError;
}

describe('a client secret that IMS rejects', () => {
  it('is read again past every cache, and the new one is used', async () => {
    const bench = setup({ reads: [version('1', ['s-first']), version('2', ['s-second'])], accepted: ['s-second'] });
    const { token, source } = await bench.renew();
    expect(token.accessToken).toBe('s-second');
    expect(source.version.id).toBe('2');
    expect(bench.reads).toEqual([false, true]);
    expect(bench.warnings).toEqual(['store: IMS rejected the client secret to use; the credential read again worked']);
  });

  it('gives way to the second of client_secrets, which is then tried first while the version stays', async () => {
    const bench = setup({ reads: [version('1', ['s-first', 's-second'])], accepted: ['s-second'] });
    await bench.renew();
    expect(bench.tried).toEqual(['s-first', 's-second']);
    expect(bench.warnings[0]).toContain('the second of its client secrets worked');
    await bench.renew();
    expect(bench.tried).toEqual(['s-first', 's-second', 's-second']);
    expect(bench.warnings).toHaveLength(1);
    bench.given.reads = [version('2', ['s-first', 's-second'])];
    bench.given.accepted = ['s-first'];
    await bench.renew();
    expect(bench.tried.slice(3)).toEqual(['s-first']);
  });

  it('gives way to other versions in their order, of which one that holds no credential is left out', async () => {
    const bench = setup({
      reads: [version('1', ['s-first'])],
      others: [
        { value: redact('nonsense'), id: '2' },
        version('3', ['s-second'], 'AWSPENDING'),
        version('4', ['s-third']),
      ],
      accepted: ['s-third'],
    });
    await bench.renew();
    expect(bench.tried).toEqual(['s-first', 's-second', 's-third']);
    expect(bench.warnings[0]).toContain('the credential of version 4 worked');
    bench.given.accepted = ['s-first'];
    await bench.renew();
    expect(bench.tried.slice(3)).toEqual(['s-third', 's-first']);
    expect(bench.warnings[1]).toContain('the credential in use worked');
  });

  it('is still what is told where another version is of a client that is not allowed', async () => {
    const bench = setup({
      reads: [version('1', ['s-first'])],
      others: [version('2', ['s-second'])],
      accepted: [],
      failure: new ConfigInvalidError([{ path: 'ims.clientId', message: 'is other' }]),
    });
    expect(await failing(bench)).toMatchObject({
      code: 'ERR_TOKEN_REQUEST_REJECTED',
      message: 'rejected, try 1; the credential of version 2 is of another client than ims.clientId',
    });
  });

  it('tries none twice, at most four, and throws the first rejection with what else was tried', async () => {
    const bench = setup({
      reads: [version('1', ['s-first', 's-second']), version('2', ['s-third', 's-first'])],
      others: [version('3', ['s-third']), version('4', ['s-fourth'], 'AWSPREVIOUS'), version('5', ['s-fifth'])],
      accepted: [],
    });
    const error = await failing(bench);
    expect(bench.tried).toEqual(['s-first', 's-third', 's-fourth', 's-fifth']);
    expect(error).toBeInstanceOf(TokenRequestRejectedError);
    expect(error).toMatchObject({ code: 'ERR_TOKEN_REQUEST_REJECTED', error: 'invalid_client', status: 400 });
    expect(error.message).toBe(
      'rejected, try 1; the credential read again was rejected too; the credential of AWSPREVIOUS was rejected too; the credential of version 5 was rejected too',
    );
    expect(error.hint).toBe('Compare.');

    const more = setup({
      reads: [version('1', ['s-first', 's-second']), version('2', ['s-third', 's-fourth'])],
      others: [version('3', ['s-fifth']), version('4', ['s-sixth'])],
      accepted: ['s-sixth'],
    });
    await failing(more);
    expect(more.tried).toEqual(['s-first', 's-third', 's-fourth', 's-fifth']);
  });

  it('finds what only the list of another version holds', async () => {
    const bench = setup({
      reads: [version('2', ['s-first'])],
      others: [version('1', ['s-first', 's-second'], 'AWSPREVIOUS')],
      accepted: ['s-second'],
    });
    await bench.renew();
    expect(bench.tried).toEqual(['s-first', 's-second']);
    expect(bench.warnings[0]).toContain('the credential of AWSPREVIOUS worked');
  });

  it('throws the rejection as it is where there is nothing else', async () => {
    const bench = setup({ reads: [version('1', ['s-first'])], accepted: [] });
    expect((await failing(bench)).message).toBe('rejected, try 1');
    expect(bench.tried).toEqual(['s-first']);
  });

  it('says what could not be read, and goes on with the rest', async () => {
    const denied = new ImsvaultError('ERR_SECRET_ACCESS_DENIED', 'no');
    const bench = setup({
      reads: [version('1', ['s-first', 's-second']), denied],
      others: new Error('s-third'),
      accepted: [],
    });
    expect((await failing(bench)).message).toBe(
      'rejected, try 1; the credential as it is now could not be read (ERR_SECRET_ACCESS_DENIED); the second of its client secrets was rejected too; its other versions could not be read (unexpected error)',
    );
  });

  it('tries no other after another error, and not after the time of one exchange', async () => {
    const down = new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'down');
    const bench = setup({
      reads: [version('1', secrets)],
      others: [version('2', ['s-third'])],
      accepted: [],
      failure: down,
    });
    expect(await failing(bench)).toBe(down);
    expect(bench.tried).toEqual(['s-first', 's-second']);

    const slow = setup({ reads: [version('1', secrets)], accepted: ['s-second'], exchangeMs: 70_000 });
    expect((await failing(slow)).message).toBe('rejected, try 1; no time was left to try more');
    expect(slow.tried).toEqual(['s-first']);
  });

  it.each([
    ['an outage', new ImsvaultError('ERR_TOKEN_ENDPOINT_UNAVAILABLE', 'down')],
    ['another rejection', new TokenRequestRejectedError('no', { error: 'invalid_scope', status: 400 })],
  ])('is not what %s means', async (_title, firstFailure) => {
    const bench = setup({ reads: [version('1', ['s-first', 's-second'])], accepted: ['s-second'], firstFailure });
    expect(await failing(bench)).toBe(firstFailure);
    expect(bench.tried).toEqual(['s-first']);
  });

  it('may be right for another client', async () => {
    const moved = { value: redact('{"client_id":"other","client_secret":"s-first"}'), id: '2' };
    const bench = setup({ reads: [version('1', ['s-first']), moved], accepted: [] });
    await failing(bench);
    expect(bench.tried).toEqual(['s-first', 's-first']);
  });

  it("ends with the caller's reason", async () => {
    const controller = new AbortController();
    const reason = new ImsvaultError('ERR_ABORTED', 'closed');
    const bench = setup({ reads: [version('1', ['s-first', 's-second'])], accepted: [] });
    const readAgain = bench.given.reads[0] as SecretVersion;
    bench.given.reads = [
      readAgain,
      Object.defineProperty({ ...readAgain }, 'value', {
        get() {
          controller.abort(reason);
          return readAgain.value;
        },
      }),
    ];
    await expect(bench.renew(controller.signal)).rejects.toBe(reason);
  });
});
