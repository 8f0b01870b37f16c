import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ImsvaultError } from '../../src/errors.js';
import type { HttpClient, TlsSettings } from '../../src/net/http-client.js';
import { reveal } from '../../src/redacted.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { readSecretFile, resolvePath } from '../../src/secret/secret-file.js';
import type { NamedFile, VaultSettings } from './settings.js';

/** A bundle of all public authorities has some 250 KB. */
const MAX_PEM_BYTES = 2 * 1024 * 1024;

/** The HTTP client with the TLS files in it. */
export interface VaultConnection {
  http(): Promise<HttpClient>;
  /** Reads the TLS files again; connections from now on use what changed. Certificates are replaced before they expire. */
  reload(): Promise<void>;
  /** Later calls of the others throw ERR_ABORTED. */
  close(): Promise<void>;
}

export function createConnection(settings: VaultSettings, context: ProviderContext): VaultConnection {
  let current: Promise<{ client: HttpClient; tls: string }> | undefined;
  /** Requests may still run on them; each with what calls off its end. */
  const retired = new Map<HttpClient, () => void>();
  let closed = false;

  async function open(tls: TlsSettings) {
    if (closed) throw new ImsvaultError('ERR_ABORTED', `${settings.host}: this connection is closed`);
    const client = context.createHttpClient({
      tls,
      timeouts: { totalMs: context.timeoutMs, headersMs: context.timeoutMs },
    });
    return { client, tls: JSON.stringify(tls) };
  }
  function opened() {
    if (current === undefined) {
      const opening = readTls(settings.tls, context.baseDir).then(open);
      current = opening;
      // Files that were not there yet are looked for again.
      opening.catch(() => {
        if (current === opening) current = undefined;
      });
    }
    return current;
  }

  function retire(client: HttpClient): void {
    const end = () => {
      retired.delete(client);
      client.close().catch(() => undefined);
    };
    // A call is at most two requests: the second where a standby redirects it.
    retired.set(client, context.clock.setTimer(end, 2 * context.timeoutMs));
  }

  return {
    http: async () => (await opened()).client,
    async reload() {
      const before = opened();
      const { client, tls } = await before;
      const now = await readTls(settings.tls, context.baseDir);
      if (JSON.stringify(now) === tls || current !== before) return;
      retire(client);
      current = open(now);
    },
    async close() {
      closed = true;
      const open = current;
      current = undefined;
      const clients = [...retired.keys()];
      for (const callOff of retired.values()) callOff();
      retired.clear();
      if (open !== undefined) clients.push(...(await open.then(({ client }) => [client]).catch(() => [])));
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

async function readTls(tls: VaultSettings['tls'], baseDir: string): Promise<TlsSettings> {
  const read = async ({ path, option }: NamedFile) => {
    const text = reveal(await readSecretFile(path, baseDir, option, { maxBytes: MAX_PEM_BYTES }));
    if (text.includes('-----BEGIN ')) return text;
    throw new ImsvaultError('ERR_SECRET_MALFORMED', `${option}: ${resolvePath(path, baseDir)} is not a PEM file`);
  };
  return {
    ...(tls.ca === undefined ? {} : { ca: await read(tls.ca) }),
    ...(tls.caFolder === undefined ? {} : { ca: await Promise.all((await filesOf(tls.caFolder, baseDir)).map(read)) }),
    ...(tls.cert === undefined ? {} : { cert: await read(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: await read(tls.key) }),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
  };
}

/** Links too: a folder of authorities is often full of them. */
async function filesOf({ path, option }: NamedFile, baseDir: string): Promise<NamedFile[]> {
  const folder = resolvePath(path, baseDir);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new ImsvaultError(
      error.code === 'ENOENT' ? 'ERR_SECRET_MALFORMED' : 'ERR_SECRET_UNAVAILABLE',
      `${option}: the folder ${folder} cannot be read (${error.code ?? 'unknown error'})`,
      { retryable: false },
    );
  });
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink());
  if (files.length === 0) {
    throw new ImsvaultError('ERR_SECRET_MALFORMED', `${option}: the folder ${folder} has no files`);
  }
  return files.map((entry) => ({ path: join(folder, entry.name), option }));
}
