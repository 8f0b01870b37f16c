import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AzureRef } from '../../../providers/azure-key-vault/options.js';
import { reveal } from '../../../src/redacted.js';
import { blockOf, openProvider, readerBlock } from '../../support/azure/harness.js';
import { errorReply } from '../../support/azure/key-vault-replies.js';
import { type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import { createManualClock } from '../../support/manual-clock.js';
import { testContext } from '../../support/provider-context.js';

type Opened = Awaited<ReturnType<typeof openProvider>>;

describe('other versions of a credential in an Azure Key Vault', () => {
  const clock = createManualClock(Date.now());
  const context = testContext();
  let azure: AzureStandIn;
  let renewer: Opened;
  let consumer: Opened;
  beforeAll(async () => {
    azure = await startAzure(clock);
    azure.vault.pageSize = 2;
    renewer = await openProvider(blockOf(azure, azure.createApplication('get', 'list'), 'unused'), context);
    consumer = await openProvider(readerBlock(azure, 'unused'), context);
  });
  afterEach(() => azure.vault.fault('none'));
  afterAll(async () => {
    await renewer.provider.close?.();
    await consumer.provider.close?.();
    await azure.close();
  });

  const open = (change: Partial<AzureRef>, as: Opened = renewer) => {
    const at = { ...as.ref, ...change };
    return {
      read: () => as.provider.readSecret(at),
      others: async () => (await as.provider.readOtherVersions?.(at)) ?? expect.unreachable(),
    };
  };

  /** One version each, a second apart. */
  async function add(name: string, ...values: string[]): Promise<void> {
    for (const value of values) {
      azure.vault.store.add(name, value, value === 'disabled' ? { attributes: { enabled: false } } : {});
      await clock.advance(1000);
    }
  }

  it('are the one before the current', async () => {
    await add('rotated', 'first', 'second', 'third', 'fourth', 'fifth');
    const { read, others } = open({ secretName: 'rotated' });
    const before = await others();
    expect(before.map(({ value }) => reveal(value))).toEqual(['fourth']);
    expect(before[0]).toMatchObject({ id: azure.vault.store.versions('rotated')[3]?.version });
    await read();
    expect((await others()).map(({ value }) => reveal(value))).toEqual(['fourth']);
  });

  it('leave out those that are disabled', async () => {
    await add('paused', 'first', 'disabled', 'third');
    const { others } = open({ secretName: 'paused' });
    expect((await others()).map(({ value }) => reveal(value))).toEqual(['first']);
  });

  it('are not the current one, even where both are of one second', async () => {
    for (let count = 0; count < 8; count++) {
      const name = `quick-${count}`;
      azure.vault.store.add(name, 'old', {});
      azure.vault.store.add(name, 'new', {});
      const { read, others } = open({ secretName: name });
      await read();
      expect((await others()).map(({ value }) => reveal(value))).toEqual(['old']);
    }
  });

  it('may have expired, without a warning', async () => {
    azure.vault.store.add('lapsed', 'old', { attributes: { exp: Math.floor(Date.now() / 1000) - 60 } });
    await clock.advance(1000);
    await add('lapsed', 'new');
    const { others } = open({ secretName: 'lapsed' });
    expect((await others()).map(({ value }) => reveal(value))).toEqual(['old']);
    expect(context.warnings).toEqual([]);
  });

  it('are none where there is one version, none at all, or one is named', async () => {
    await add('single', 'only');
    await add('pinned', 'first', 'second');
    const version = azure.vault.store.versions('pinned')[1]?.version;
    for (const ref of [{ secretName: 'single' }, { secretName: 'nowhere' }, { secretName: 'pinned', version }]) {
      expect(await open(ref).others()).toEqual([]);
    }
  });

  it('are none where listing is forbidden, but an outage is an error', async () => {
    await add('closed', 'first', 'second');
    const { others } = open({ secretName: 'closed' }, consumer);
    expect(await others()).toEqual([]);
    azure.vault.fault(errorReply(503, 'ServiceUnavailable', 'x'));
    await expect(others()).rejects.toMatchObject({ code: 'ERR_SECRET_UNAVAILABLE' });
    azure.vault.fault({ status: 401, text: '' });
    await expect(others()).rejects.toMatchObject({ code: 'ERR_SECRET_ACCESS_DENIED' });
  });

  it('of two secrets are the id with the secret before', async () => {
    await add('id', 'the-id');
    await add('secret', 'p8e-old', 'p8e-new');
    const { others } = open({
      secretName: undefined,
      clientIdSecretName: 'id',
      clientSecretSecretName: 'secret',
    });
    expect((await others()).map(({ value }) => JSON.parse(reveal(value)))).toEqual([
      { client_id: 'the-id', client_secret: 'p8e-old' },
    ]);
  });
});
