import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createConnection } from '../../../providers/vault/connection.js';
import type { VaultSettings } from '../../../providers/vault/settings.js';
import { createManualClock, settle } from '../../support/manual-clock.js';
import { testContext } from '../../support/provider-context.js';

const TIMEOUT_MS = 5000;
const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** A connection with a certificate that can be replaced, and which of its clients are open. */
async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'imsvault-connection-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  const path = join(folder, 'cert.pem');
  const replace = (certificate: number) => writeFile(path, `-----BEGIN CERTIFICATE-----\n${certificate}\n`);
  await replace(0);
  const clock = createManualClock();
  let made = 0;
  const open = new Set<number>();
  const context = testContext({
    clock,
    timeoutMs: TIMEOUT_MS,
    createHttpClient() {
      const id = made++;
      open.add(id);
      const close = async () => void open.delete(id);
      return { request: async () => expect.unreachable(), connectAhead: async () => undefined, close };
    },
  });
  const settings = { host: 'vault.example', tls: { cert: { path, option: 'auth.cert' } } } as VaultSettings;
  return { connection: createConnection(settings, context), clock, replace, open };
}

describe('a connection whose certificate is replaced', () => {
  it('closes the old client when no request can run on it any more', async () => {
    const { connection, clock, replace, open } = await setUp();
    const first = await connection.http();
    for (let certificate = 1; certificate <= 3; certificate++) {
      await replace(certificate);
      await connection.reload();
    }
    expect(await connection.http()).not.toBe(first);
    expect([...open]).toEqual([0, 1, 2, 3]);
    await clock.advance(2 * TIMEOUT_MS - 1);
    expect([...open]).toEqual([0, 1, 2, 3]);
    await clock.advance(1);
    expect([...open]).toEqual([3]);
    await connection.close();
    expect([...open]).toEqual([]);
  });

  it('keeps its client where nothing has changed, and replaces it once for two who see the change', async () => {
    const { connection, replace, open } = await setUp();
    const first = await connection.http();
    await connection.reload();
    expect(await connection.http()).toBe(first);
    await replace(1);
    await Promise.all([connection.reload(), connection.reload()]);
    expect([...open]).toEqual([0, 1]);
    await connection.close();
  });

  it('closes the old clients with itself, and leaves no timer behind', async () => {
    const { connection, clock, replace, open } = await setUp();
    await connection.http();
    await replace(1);
    await connection.reload();
    await connection.close();
    expect([...open]).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('a closed connection', () => {
  const CLOSED = { code: 'ERR_ABORTED', message: 'vault.example: this connection is closed' };

  it('opens nothing', async () => {
    const { connection, open } = await setUp();
    await connection.http();
    await connection.close();
    await expect(connection.http()).rejects.toMatchObject(CLOSED);
    await expect(connection.reload()).rejects.toMatchObject(CLOSED);
    expect([...open]).toEqual([]);
  });

  it('opens nothing for those who had already asked', async () => {
    const { connection, open } = await setUp();
    const asked = expect(connection.http()).rejects.toMatchObject(CLOSED);
    await connection.close();
    await asked;

    const other = await setUp();
    await other.connection.http();
    await other.replace(1);
    const reloading = other.connection.reload();
    await other.connection.close();
    await reloading;
    await settle();
    expect([...open, ...other.open]).toEqual([]);
  });
});
