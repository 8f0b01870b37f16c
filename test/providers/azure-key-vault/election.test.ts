import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ElectionEntry } from '../../../src/secret/provider.js';
import { blockOf, openProvider, readerBlock } from '../../support/azure/harness.js';
import { errorReply } from '../../support/azure/key-vault-replies.js';
import { type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import { createManualClock, settle } from '../../support/manual-clock.js';
import { testContext } from '../../support/provider-context.js';

type Opened = Awaited<ReturnType<typeof openProvider>>;

const TTL = 20_000;
const claim = (change: Partial<ElectionEntry> = {}): ElectionEntry => ({
  generation: 1,
  id: randomUUID(),
  ttlMs: TTL,
  ...change,
});

describe('an election in an Azure Key Vault', () => {
  const clock = createManualClock(Math.floor(Date.now() / 1000) * 1000);
  let azure: AzureStandIn;
  let renewer: Opened;
  let consumer: Opened;
  let names = 0;
  beforeAll(async () => {
    azure = await startAzure(clock);
    renewer = await openProvider(blockOf(azure, azure.createApplication('get', 'set', 'list'), 'unused'));
    consumer = await openProvider(readerBlock(azure, 'unused'));
  });
  afterEach(() => {
    azure.vault.fault('none');
    azure.vault.pageSize = 25;
  });
  afterAll(async () => {
    await renewer.provider.close?.();
    await consumer.provider.close?.();
    await azure.close();
  });

  /** On a token that nobody else uses, or the one that is named. */
  function open({ name = `token-${++names}`, as = renewer } = {}) {
    const { election } = as.provider;
    if (election === undefined) throw new Error('the provider has no election');
    const ref = { ...as.ref, secretName: name };
    return {
      name,
      enter: (entry: ElectionEntry, create?: boolean) =>
        election.enter(ref, entry, create === undefined ? {} : { create }),
      list: (generation = 1, signal?: AbortSignal) =>
        election.list(ref, generation, signal === undefined ? {} : { signal }),
      claims: () => azure.vault.store.versions(`${name}-claim`),
    };
  }

  it('keeps an entry in the tags of a version, and gives it back', async () => {
    const one = open();
    const entry = claim({
      failure: { claimId: randomUUID(), code: 'invalid_client', retryAfterMs: 300_000, count: 2 },
    });
    const entered = await one.enter(entry);
    const [stored] = one.claims();
    expect(entered).toEqual({ ...entry, createdAt: clock.now(), versionId: stored?.version });
    expect(stored).toMatchObject({
      contentType: 'text/vnd.imsvault.claim',
      value: expect.stringMatching(/not a secret/i),
    });
    expect((await one.list()).entries).toEqual([entered]);
    expect(azure.vault.store.versions(one.name)).toEqual([]);
  });

  it('shows people when an entry is dead', async () => {
    const one = open();
    await one.enter(claim());
    await one.enter(claim({ failure: { claimId: 'a', code: 'x', retryAfterMs: 300_000, count: 1 } }));
    const now = Date.now() / 1000;
    const [first = 0, second = 0] = one.claims().map(({ attributes }) => attributes.exp);
    expect(Math.abs(first - now - 20)).toBeLessThan(5);
    expect(Math.abs(second - now - 300)).toBeLessThan(5);
  });

  it("tells the vault's time, also where there is no entry yet", async () => {
    const one = open();
    expect(await one.list()).toEqual({ entries: [], serverTime: clock.now() });
    azure.vault.fault({
      ...errorReply(404, 'SecretNotFound', 'x'),
      headers: { date: new Date(clock.now()).toUTCString() },
    });
    expect(await one.list()).toEqual({ entries: [], serverTime: clock.now() });
  });

  it('lists every page of a generation, by time and then by version', async () => {
    const one = open();
    azure.vault.pageSize = 3;
    const entered = [];
    for (let second = 0; second < 4; second++) {
      for (let count = 0; count < 3; count++) entered.push(await one.enter(claim({ generation: 1 + (count % 2) })));
      await clock.advance(1000);
    }
    const { entries } = await one.list(1);
    const expected = entered
      .filter(({ generation }) => generation === 1)
      .toSorted((a, b) => a.createdAt - b.createdAt || a.versionId.localeCompare(b.versionId));
    expect(expected).toHaveLength(8);
    expect(entries).toEqual(expected);
    expect((await one.list(2)).entries).toHaveLength(4);
    expect((await one.list(3)).entries).toEqual([]);
  });

  it('takes the time of the first page: what comes later may not be listed', async () => {
    const one = open();
    azure.vault.pageSize = 1;
    for (let count = 0; count < 3; count++) await one.enter(claim());
    const before = clock.now();
    azure.vault.fault(({ query }) => {
      if (query.has('$skiptoken')) clock.jump(2000);
      return undefined;
    });
    expect((await one.list()).serverTime).toBe(before);
    expect(clock.now()).toBeGreaterThan(before);
  });

  it('ignores what others put beside the claims', async () => {
    const one = open();
    const entered = await one.enter(claim());
    azure.vault.store.add(`${one.name}-claim`, 'x', { tags: { generation: '1', id: 'a', ttl: 'soon' } });
    azure.vault.store.add(`${one.name}-claim`, 'x', {});
    expect((await one.list()).entries).toEqual([entered]);
  });

  it('shows twelve who enter at once the same winner', async () => {
    const contenders = Array.from({ length: 12 }, () => open({ name: 'contended' }));
    azure.vault.pageSize = 5;
    const entered = await Promise.all(contenders.map(({ enter }) => enter(claim())));
    const seen = await Promise.all(contenders.map(({ list }) => list()));
    const winners = new Set(seen.map(({ entries }) => entries[0]?.id));
    expect(winners.size).toBe(1);
    expect(seen.map(({ entries }) => entries.length)).toEqual(Array(12).fill(12));
    expect(entered.map(({ id }) => id)).toContain([...winners][0]);
  });

  it('does not make the secret of the claims where that is forbidden', async () => {
    const one = open();
    await expect(one.enter(claim(), false)).rejects.toMatchObject({
      code: 'ERR_SECRET_NOT_FOUND',
      message: expect.stringContaining(`"${one.name}-claim"`),
    });
    expect(one.claims()).toEqual([]);
    azure.vault.store.add(`${one.name}-claim`, 'made by hand', {});
    await one.enter(claim(), false);
    expect((await one.list()).entries).toHaveLength(1);
  });

  it('is closed to a consumer', async () => {
    const one = open({ as: consumer });
    await expect(one.enter(claim())).rejects.toMatchObject({
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: expect.stringContaining(`"${one.name}-claim"`),
    });
    await expect(one.list()).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
  });

  it('fails as a whole when a further page fails, by the cause of that page', async () => {
    const one = open();
    azure.vault.pageSize = 1;
    for (let count = 0; count < 3; count++) await one.enter(claim());
    const onSecondPage = (fault: Parameters<typeof azure.vault.fault>[0]) =>
      azure.vault.fault(({ query }) => (query.has('$skiptoken') && typeof fault !== 'function' ? fault : undefined));
    onSecondPage({ ...errorReply(429, 'Throttled', 'x'), headers: { 'retry-after': '7' } });
    await expect(one.list()).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryAfterMs: 7000 });
    onSecondPage('reset');
    await expect(one.list()).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE', retryable: true });
    onSecondPage(errorReply(403, 'Forbidden', 'x', 'ForbiddenByRbac'));
    await expect(one.list()).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
  });

  it('stops asking for pages when its caller gives up', async () => {
    const one = open();
    azure.vault.pageSize = 1;
    for (let count = 0; count < 4; count++) await one.enter(claim());
    const controller = new AbortController();
    const reason = new Error('the caller gave up');
    azure.vault.fault(({ query }) => {
      if (query.has('$skiptoken')) controller.abort(reason);
      return undefined;
    });
    await expect(one.list(1, controller.signal)).rejects.toBe(reason);
    await settle();
    const asked = azure.vault.requests.filter(
      ({ path, status }) => path.includes(`/${one.name}-claim/`) && status === 200,
    );
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  it('ends in time when a further page never comes', async () => {
    const one = open();
    azure.vault.pageSize = 1;
    for (let count = 0; count < 2; count++) await one.enter(claim());
    azure.vault.fault(({ query }) => (query.has('$skiptoken') ? 'hang' : undefined));
    const login = azure.createApplication('list');
    const as = await openProvider(blockOf(azure, login, 'unused'), testContext({ timeoutMs: 1500 }));
    await expect(open({ name: one.name, as }).list()).rejects.toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      retryable: true,
    });
    expect(azure.vault.requests.at(-1)?.status).toBe('hang');
    await as.provider.close?.();
  });

  it('cannot do without the time of the vault', async () => {
    const one = open();
    azure.vault.fault({ status: 200, json: { value: [], nextLink: null }, headers: { date: 'never' } });
    await expect(one.list()).rejects.toMatchObject({
      code: 'ERR_SECRET_UNAVAILABLE',
      message: expect.stringContaining('no Date'),
    });
  });
});
