import { createHmac, randomBytes } from 'node:crypto';
import { parseEnv } from 'node:util';
import { ImsvaultError } from '../../src/errors.js';
import { redact, reveal } from '../../src/redacted.js';
import { defineProvider, type ProviderContext } from '../../src/secret/provider.js';
import { readBoundedFile, readSecretFile, resolvePath } from '../../src/secret/secret-file.js';
import { type EnvOptions, envOptions } from './options.js';

type Variables = (name: string) => string | undefined;

/** The credential from two environment variables, from the files that `…_FILE` variables name, or from a dotenv file. */
export default defineProvider<EnvOptions, 'clientId' | 'clientSecret' | 'dotenv'>({
  name: 'env',
  options: envOptions,
  refOptions: ['clientId', 'clientSecret', 'dotenv'],
  createProvider(_connection, context) {
    // A version id is no secret, so it must not be a hash that a guess could be checked against.
    const key = randomBytes(32);
    return {
      name: 'env',
      describe: ({ clientId, clientSecret }) => `environment variables ${clientId} and ${clientSecret}`,
      async readSecret(ref, options) {
        options?.signal?.throwIfAborted();
        const variables = await collect(ref.dotenv, context);
        const id = await readVariable(ref.clientId, variables, context);
        const secret = await readVariable(ref.clientSecret, variables, context);
        if (id === undefined && secret === undefined) {
          throw new ImsvaultError(
            'ERR_PROVIDER_NOT_CONFIGURED',
            `${ref.clientId} and ${ref.clientSecret} are not set`,
            {
              hint: 'Set both, or name a store in imsvault.config.yaml.',
            },
          );
        }
        if (id === undefined || secret === undefined) {
          const [set, unset] = id === undefined ? [ref.clientSecret, ref.clientId] : [ref.clientId, ref.clientSecret];
          throw new ImsvaultError('ERR_SECRET_MALFORMED', `${set} is set, but ${unset} is not`, {
            hint: `Set ${unset} too.`,
          });
        }
        const value = JSON.stringify({ client_id: reveal(id), client_secret: reveal(secret) });
        return { value: redact(value), id: createHmac('sha256', key).update(value).digest('base64url').slice(0, 16) };
      },
    };
  },
});

async function collect(dotenv: string | undefined, context: ProviderContext): Promise<Variables> {
  if (dotenv === undefined) return (name) => context.env[name];
  const content = await readBoundedFile(resolvePath(dotenv, context.baseDir), 'dotenv', {
    ifMissing: 'ERR_PROVIDER_NOT_CONFIGURED',
  });
  const own = parseEnv(content.toString('utf8'));
  return (name) => context.env[name] ?? own[name];
}

/** An empty variable counts as unset: `FUSION_CLIENT_ID=` in a compose file means "none". */
async function readVariable(name: string, variables: Variables, context: ProviderContext) {
  const [value, file] = [variables(name), variables(`${name}_FILE`)];
  if (value && file) {
    throw new ImsvaultError('ERR_SECRET_MALFORMED', `${name} and ${name}_FILE are both set`, {
      hint: 'Unset one of them.',
    });
  }
  if (file) return readSecretFile(file, context.baseDir, `${name}_FILE`);
  return value ? redact(value) : undefined;
}
