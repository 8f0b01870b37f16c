import * as z from 'zod';
import { durationOption } from '../secret/option-types.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const field = (what: string) =>
  z
    .string()
    .min(1)
    .max(256)
    .optional()
    .meta({ description: `Field of the secret that holds ${what}: a name, or a dotted path. Default: known names.` });

const timeout = durationOption('Bound on one read of the store. 100 ms to 2 min. Default 10s.', {
  min: 100,
  max: 2 * MINUTE,
}).default(10 * SECOND);

/** What every block of `credentials` takes besides its provider's own options. */
export const blockOptions = z.strictObject({
  timeout,
  fields: z
    .strictObject({
      clientId: field('the client id'),
      clientSecret: field('the client secret'),
      scope: field('the scopes'),
      orgId: field('the organisation'),
    })
    .optional()
    .meta({ description: 'Names of the fields of the secret, where they are not among those known.' }),
});

/** What `tokenStore` takes besides its provider's own options. */
export const tokenStoreOptions = z.strictObject({
  timeout,
  create: z.boolean().default(true).meta({
    description: 'Create the secret that holds the token where there is none. Default true.',
  }),
  onMismatch: z.enum(['exchange', 'replace', 'fail']).default('exchange').meta({
    description:
      'What to do with a stored token of another identity: exchange one of its own and leave it, replace it (see identityRevision), or fail. Default exchange.',
  }),
  identityRevision: z.int().min(0).default(0).meta({
    description:
      'With onMismatch replace, only a stored token of a lower revision is replaced. Raise it with each change of endpoint, scopes, organisation or client. 0 or more. Default 0.',
  }),
  onUnavailable: z.enum(['exchange', 'fail']).default('exchange').meta({
    description: 'What to do without the store: exchange one of its own, or fail. Default exchange.',
  }),
});

/** Providers that only read. */
export const READ_ONLY_PROVIDERS: readonly string[] = ['env'];

const NEWEST = 'cannot stand here: a token is always written as the newest version';
const ONE_SECRET = 'cannot stand here: a token is one secret; name it by secretName';

/** Options of providers that name what can be read only; by provider and option, why `tokenStore` does not take them. */
export const READ_ONLY_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'aws-secrets-manager': { versionId: NEWEST },
  'azure-key-vault': { version: NEWEST, clientIdSecretName: ONE_SECRET, clientSecretSecretName: ONE_SECRET },
  vault: { version: NEWEST },
};
