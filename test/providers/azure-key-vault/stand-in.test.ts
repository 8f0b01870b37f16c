import { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toPipelineClient } from '../../../providers/azure-key-vault/http-client.js';
import { createHttpClient, type HttpClient } from '../../../src/net/http-client.js';
import type { Permission } from '../../support/azure/key-vault.js';
import { errorReply } from '../../support/azure/key-vault-replies.js';
import { type AzureStandIn, startAzure } from '../../support/azure/stand-in.js';
import { createManualClock } from '../../support/manual-clock.js';

const AUDIENCE = 'https://vault.azure.net';

/** The tests lean on the stand-in's strictness; so it has tests of its own, by the real client. */
describe('the Key Vault stand-in', () => {
  const clock = createManualClock(Date.now());
  let azure: AzureStandIn;
  let http: HttpClient;
  beforeAll(async () => {
    azure = await startAzure(clock);
    http = createHttpClient(clock, {}, { tls: { ca: azure.ca } });
  });
  afterAll(async () => {
    await http.close();
    await azure.close();
  });

  function clientOf(...permissions: Permission[]): SecretClient {
    const clientId = permissions.join('+');
    azure.vault.grant(clientId, ...permissions);
    const getToken = async () => ({ token: azure.issuer.issue(clientId, AUDIENCE), expiresOnTimestamp: 0 });
    return new SecretClient(
      azure.vault.url,
      { getToken },
      {
        httpClient: toPipelineClient(http, http, clock),
        disableChallengeResourceVerification: true,
        retryOptions: { maxRetries: 0 },
      },
    );
  }
  const refusal = (code: string) => ({ name: 'RestError', code });

  it('keeps versions with their type, expiry and tags', async () => {
    const client = clientOf('get', 'set', 'update');
    const expiresOn = new Date(2_000_000_000_000);
    const first = await client.setSecret('kept', 'one', {
      contentType: 'text/plain',
      expiresOn,
      tags: { generation: '1' },
    });
    await client.setSecret('kept', 'two');
    expect((await client.getSecret('kept')).value).toBe('two');
    const { version = '' } = first.properties;
    await client.updateSecretProperties('kept', version, { tags: { generation: '2' } });
    expect(await client.getSecret('kept', { version })).toMatchObject({
      value: 'one',
      properties: { contentType: 'text/plain', expiresOn, tags: { generation: '2' }, enabled: true },
    });
  });

  it('lists all versions over pages, in no order', async () => {
    const client = clientOf('set', 'list');
    const written: (string | undefined)[] = [];
    for (let count = 0; count < 30; count++) {
      written.push((await client.setSecret('listed', String(count))).properties.version);
    }
    const listed: (string | undefined)[] = [];
    for await (const { version } of client.listPropertiesOfSecretVersions('listed')) listed.push(version);
    expect(listed).not.toEqual(written);
    expect(listed.toSorted()).toEqual(written.toSorted());
    const pages = azure.vault.requests.filter(({ path, status }) => path.endsWith('/versions') && status === 200);
    expect(pages).toHaveLength(2);
  });

  it('has pages as small as a test asks for, and tells its own time', async () => {
    azure.vault.store.add('paged', 'x', {});
    azure.vault.store.add('paged', 'y', {});
    azure.vault.pageSize = 1;
    const dates: (string | undefined)[] = [];
    const sizes: number[] = [];
    const onResponse = ({ headers }: { headers: { get(name: string): string | undefined } }) =>
      void dates.push(headers.get('date'));
    for await (const page of clientOf('list').listPropertiesOfSecretVersions('paged', { onResponse }).byPage()) {
      sizes.push(page.length);
    }
    azure.vault.pageSize = 25;
    expect(sizes).toEqual([1, 1]);
    expect(new Set(dates)).toEqual(new Set([new Date(clock.now()).toUTCString()]));
  });

  it('lists nothing for a secret that is not there', async () => {
    const pages = clientOf('list').listPropertiesOfSecretVersions('nowhere').byPage();
    expect(await pages.next()).toEqual({ done: false, value: [] });
  });

  it('keeps the name of a deleted secret until it is purged or recovered', async () => {
    const client = clientOf('get', 'set', 'delete');
    await client.setSecret('gone', 'x');
    await client.beginDeleteSecret('gone');
    await expect(client.getSecret('gone')).rejects.toMatchObject(refusal('SecretNotFound'));
    await expect(client.setSecret('gone', 'y')).rejects.toMatchObject(refusal('Conflict'));
    await client.purgeDeletedSecret('gone');
    expect((await client.setSecret('gone', 'z')).value).toBe('z');
  });

  it('refuses what the service refuses', async () => {
    await expect(clientOf('get').setSecret('denied', 'x')).rejects.toMatchObject(refusal('Forbidden'));
    const client = clientOf('set');
    await expect(client.setSecret('long', 'x'.repeat(25 * 1024 + 1))).rejects.toMatchObject(refusal('BadParameter'));
    expect((await client.setSecret('long', 'x'.repeat(25 * 1024))).name).toBe('long');
    const tags = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`tag-${index}`, 'x']));
    for (const options of [{ tags }, { tags: { long: 'x'.repeat(257) } }, { contentType: 'x'.repeat(257) }]) {
      await expect(client.setSecret('long', 'x', options)).rejects.toMatchObject(refusal('BadParameter'));
      await expect(clientOf('update').updateSecretProperties('long', '', options)).rejects.toMatchObject(
        refusal('BadParameter'),
      );
    }
    await expect(client.updateSecretProperties('long', '', { enabled: false })).rejects.toMatchObject(
      refusal('Forbidden'),
    );
  });

  it('fails where a test asks for it, and for that request alone', async () => {
    azure.vault.fault(({ method }) =>
      method === 'PUT' ? { ...errorReply(429, 'Throttled', 'x'), headers: { 'retry-after': '1' } } : undefined,
    );
    const client = clientOf('get', 'set');
    azure.vault.store.add('busy', 'x', {});
    await expect(client.setSecret('busy', 'y')).rejects.toMatchObject(refusal('Throttled'));
    expect((await client.getSecret('busy')).value).toBe('x');
    azure.vault.fault('none');
  });

  it('takes only its own tokens, for itself, in their time, and wants an api-version', async () => {
    azure.vault.grant('reader', 'get');
    azure.vault.store.add('guarded', 'x', {});
    const ask = (token?: string, query = '?api-version=7.6') =>
      http.request({
        method: 'GET',
        url: `${azure.vault.url}/secrets/guarded${query}`,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
    const challenge = await ask();
    expect(challenge.status).toBe(401);
    expect(challenge.headers['www-authenticate']).toBe(
      `Bearer authorization="${azure.entra.authority}", resource="${AUDIENCE}"`,
    );
    const good = azure.issuer.issue('reader', AUDIENCE);
    expect((await ask(good)).status).toBe(200);
    expect((await ask(good, '')).status).toBe(400);
    expect((await ask(`${good}x`)).status).toBe(401);
    expect((await ask(azure.issuer.issue('reader', 'https://graph.example'))).status).toBe(401);
    await clock.advance(3_600_000);
    expect((await ask(good)).status).toBe(401);
  });
});
