import type { Exchanged, Exchanger } from '../ims/exchange.js';
import type { CredentialSource, ReadCredential } from '../secret/credential-source.js';

/** A new token, and where its credential came from. */
export interface Renewed extends Exchanged {
  source: ReadCredential;
}

/**
 * One exchange: the credential is read from its store each time, so a rotation needs no restart, and the connection
 * to IMS is made meanwhile, so its handshakes cost nothing.
 */
export async function exchangeFresh(
  source: CredentialSource,
  exchanger: Exchanger,
  signal?: AbortSignal,
): Promise<Renewed> {
  signal?.throwIfAborted();
  exchanger.connectAhead();
  const read = await source.readCredential(signal === undefined ? {} : { signal });
  return { ...(await exchanger.exchange(read.credential, signal)), source: read };
}
