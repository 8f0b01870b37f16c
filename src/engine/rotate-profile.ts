import { randomUUID } from 'node:crypto';
import type { ProviderBlock, RotationSettings, SingleProvider } from '../config/load.js';
import { openProvider } from '../config/open.js';
import { ConfigInvalidError } from '../errors.js';
import { createExchanger } from '../ims/exchange.js';
import { type CredentialSlot, createCredentialSlot } from '../rotate/credential-slot.js';
import { type RotateOptions, type RotationOutcome, rotate } from '../rotate/rotate.js';
import { createRotationPayload } from '../rotate/rotation-payload.js';
import { createSecretsApi } from '../rotate/secrets-api.js';
import { createCredentialSource } from '../secret/credential-source.js';
import type { SecretProvider } from '../secret/provider.js';
import { isNotHere } from '../secret/provider-chain.js';
import { createExchangeRenewal } from '../token/exchange-renewal.js';
import type { TokenEngine } from './token-engine.js';

export type RotateProfileOptions = Pick<RotateOptions, 'dryRun' | 'waitMs' | 'confirm' | 'report' | 'signal'>;

/**
 * Rotates the client secret of a profile's credential.
 * @throws ERR_CONFIG_INVALID for a profile whose credential cannot be rotated, before anything is done
 */
export async function rotateProfile(engine: TokenEngine, options: RotateProfileOptions): Promise<RotationOutcome> {
  const { rotation } = engine.profile;
  const { credentials } = engine;
  if (rotation === undefined)
    throw missing('rotation', 'is needed: { orgId, credentialId }, as in the Developer Console');
  if (credentials === undefined) throw missing('credentials', 'are needed: this profile only takes tokens from others');
  const { block, provider } = await findCredential(engine, credentials, options.signal);
  try {
    const slot = slotOf(engine, block, provider);
    const { clock, random } = engine.openDeps;
    return await rotate({
      slot,
      payload: createRotationPayload(slot.place, block.fields),
      api: createSecretsApi({
        ...rotation,
        http: engine.imsHttp,
        token: managementToken(engine, slot, rotation),
        clock,
        random,
      }),
      exchange: (credential, signal) => engine.exchanger.exchange(credential, signal),
      clock,
      random,
      newId: randomUUID,
      ...options,
    });
  } finally {
    await provider.close?.();
  }
}

function slotOf({ openDeps }: TokenEngine, block: SingleProvider, provider: SecretProvider<object>): CredentialSlot {
  const { clock, random } = openDeps;
  return createCredentialSlot({
    provider,
    ref: block.ref,
    fields: block.fields,
    clock,
    random,
    timeoutMs: block.timeoutMs,
  });
}

/** Of a chain, the link that has the credential: that is where the new one belongs. */
async function findCredential(
  { openDeps }: TokenEngine,
  credentials: ProviderBlock,
  signal: AbortSignal,
): Promise<{ block: SingleProvider; provider: SecretProvider<object> }> {
  const links = 'links' in credentials ? credentials.links : [credentials];
  for (const [index, block] of links.entries()) {
    const isLast = index === links.length - 1;
    let provider: SecretProvider<object> | undefined;
    try {
      provider = await openProvider(block, openDeps);
      const { clock, random } = openDeps;
      const { ref, fields, timeoutMs } = block;
      if (!isLast) {
        await createCredentialSource({ provider, ref, fields, clock, random, timeoutMs }).readCredential({ signal });
      }
      return { block, provider };
    } catch (error) {
      await provider?.close?.();
      signal.throwIfAborted();
      if (isLast || !isNotHere(error)) throw error;
    }
  }
  throw new TypeError('a chain has links');
}

/** A life that is left for a call, in milliseconds. */
const MIN_LIFE_MS = 60_000;

/** Tokens for Adobe's API, from the same credential; a new one when a long wait has used one up. */
function managementToken(
  { profile, imsHttp, openDeps }: TokenEngine,
  { source }: CredentialSlot,
  { scope }: RotationSettings,
) {
  const { ims } = profile;
  const { clock, random, warn } = openDeps;
  const clientIdSource = profile.origins.get('ims.clientId');
  const exchanger = createExchanger({ ...ims, clientIdSource, http: imsHttp, clock, random, scope, warn });
  const renew = createExchangeRenewal({ source, exchanger, clock, timeoutMs: ims.timeoutMs, warn });
  let renewed: Awaited<ReturnType<typeof renew>> | undefined;
  return async (signal: AbortSignal) => {
    if (renewed === undefined || renewed.token.expiresAt - clock.now() < MIN_LIFE_MS) renewed = await renew(signal);
    return renewed.token;
  };
}

function missing(path: string, message: string): ConfigInvalidError {
  return new ConfigInvalidError([{ path, message }]);
}
