import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, redact } from '../../src/redacted.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { readSecretFile } from '../../src/secret/secret-file.js';
import { checkedToken } from './grant.js';
import type { Login, LoginParts } from './login.js';
import type { VaultAuthOf } from './options.js';
import { type VaultSettings, vaultVariable } from './settings.js';

/** The method `token`: somebody else made the token. Its life is not known until it is looked up. */
export function createTokenLogin(auth: VaultAuthOf<'token'>, { settings, context }: LoginParts): Login {
  return {
    name: `token from ${sourceOf(auth, context)}`,
    makesTokens: false,
    async logIn() {
      return { token: await readToken(auth, settings, context), lifeMs: undefined, renewable: false };
    },
  };
}

function sourceOf(auth: VaultAuthOf<'token'>, { env }: ProviderContext): string {
  if (auth.token !== undefined) return 'auth.token';
  return auth.tokenFile ?? vaultVariable(env, 'TOKEN')?.source ?? '~/.vault-token';
}

async function readToken(
  auth: VaultAuthOf<'token'>,
  settings: VaultSettings,
  { env, baseDir }: ProviderContext,
): Promise<Redacted<string>> {
  if (auth.token !== undefined) return checkedToken(auth.token, 'auth.token');
  if (auth.tokenFile !== undefined) {
    return checkedToken(await readSecretFile(auth.tokenFile, baseDir, 'auth.tokenFile'), 'auth.tokenFile');
  }
  const variable = vaultVariable(env, 'TOKEN');
  if (variable !== undefined) return checkedToken(redact(variable.value), variable.source);
  const byDefault = { ifMissing: 'ERR_PROVIDER_NOT_CONFIGURED' } as const;
  const helper = readSecretFile(settings.tokenHelperFile, baseDir, '~/.vault-token', byDefault);
  const text = await helper.catch((error: unknown) => {
    if (!(error instanceof ImsvaultError) || error.code !== 'ERR_PROVIDER_NOT_CONFIGURED') throw error;
    throw new ImsvaultError('ERR_PROVIDER_NOT_CONFIGURED', `${settings.host}: no login is set, and no token is found`, {
      hint: 'Set auth, or VAULT_TOKEN, or run `vault login`, which writes ~/.vault-token.',
    });
  });
  return checkedToken(text, '~/.vault-token');
}
