import * as tls from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.js';
import type { ImsSettings } from '../config/load.js';
import { ConfigInvalidError, ImsvaultError } from '../errors.js';
import { MAX_TOKEN_RESPONSE_BYTES } from '../ims/exchange.js';
import { createHttpClient, type HttpClient } from '../net/http-client.js';
import type { ProxySettings } from '../net/proxy-settings.js';
import { readBoundedFile } from '../secret/secret-file.js';
import { createSharedPool, type SharedPool } from '../shared-pool.js';

/** What of a profile's settings makes a client of IMS. */
export type ImsConnection = Pick<ImsSettings, 'timeouts' | 'caFile'>;

/**
 * Clients of IMS, one for equal settings.
 * @param connections sockets for each origin. 1: a request waits for the connection that was begun ahead instead of
 *   opening a second one.
 */
export function createImsClients(
  clock: Clock,
  proxy: ProxySettings,
  connections: number,
): SharedPool<ImsConnection, HttpClient> {
  return createSharedPool({
    same: (a, b) => a.caFile === b.caFile && isDeepStrictEqual(a.timeouts, b.timeouts),
    open: async ({ timeouts, caFile }) =>
      createHttpClient(clock, proxy, {
        timeouts,
        maxResponseBytes: MAX_TOKEN_RESPONSE_BYTES,
        connections,
        ...(caFile === undefined ? {} : { tls: { ca: await authorities(caFile) } }),
      }),
    close: (client) => client.close(),
  });
}

const MAX_CA_BYTES = 1024 * 1024;

/**
 * A company's own authority is trusted beside the usual ones: IMS may be reached directly or through its proxy.
 * Only newer versions of Node tell which those are; before, NODE_EXTRA_CA_CERTS is not among them.
 */
async function authorities(caFile: string): Promise<string[]> {
  const usual = 'getCACertificates' in tls ? (tls.getCACertificates as () => string[])() : tls.rootCertificates;
  const option = 'ims.caFile';
  const content = await readBoundedFile(caFile, option, { maxBytes: MAX_CA_BYTES }).catch((error: unknown) => {
    if (!(error instanceof ImsvaultError)) throw error;
    throw new ConfigInvalidError([{ path: option, message: error.message.slice(`${option}: `.length) }]);
  });
  const pem = content.toString('utf8');
  // Node takes anything for an authority, and then trusts none of it.
  if (!pem.includes('-----BEGIN CERTIFICATE')) {
    throw new ConfigInvalidError([{ path: option, message: `${caFile} has no certificate in PEM form` }]);
  }
  return [...usual, pem];
}
