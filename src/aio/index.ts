/**
 * The functions of `@adobe/aio-lib-core-auth`: docs/migrate-from-aio-lib-core-auth.md.
 * @module imsvault/aio
 */
import { systemClock } from '../clock.js';
import { warningsTo } from '../listener.js';
import {
  type AccessTokenAnswer,
  type AccessTokenGenerator,
  createAccessTokenGenerator,
} from './access-token-generator.js';
import type { AccessTokenParams } from './aio-params.js';

export type { AccessTokenAnswer, AccessTokenParams };

let generator: AccessTokenGenerator | undefined;

/** Made with the first call: until then the program may still set its proxy's variables. */
function shared(): AccessTokenGenerator {
  generator ??= createAccessTokenGenerator({
    env: process.env,
    clock: systemClock,
    random: Math.random,
    warn: warningsTo(),
  });
  return generator;
}

/**
 * An access token for a credential; in place of the function of this name in `@adobe/aio-lib-core-auth` 1.1. Calls at
 * the same time share one exchange, and later ones its token, until its real expiry is near.
 * @param imsEnv `stage`, or `prod`. Default: `params.__ims_env`, else stage in a Runtime namespace `development-…`, else
 *   production
 * @throws ImsvaultError: ERR_CONFIG_INVALID for bad params, ERR_TOKEN_REQUEST_REJECTED, ERR_TOKEN_ENDPOINT_UNAVAILABLE,
 *   ERR_TOKEN_RESPONSE_INVALID
 */
export async function generateAccessToken(params: AccessTokenParams, imsEnv?: string): Promise<AccessTokenAnswer> {
  return shared().generateAccessToken(params, imsEnv);
}

/** Forgets all tokens: the next call exchanges. */
export function invalidateCache(): void {
  shared().invalidateCache();
}
