import * as z from 'zod';
import { durationOption, fileOption, secretOption } from '../../src/secret/option-types.js';
import { addressProblem } from './address.js';

/** No empty, "." or ".." part: a URL would be normalised to another secret's. */
const PATH = /^(?!\.{1,2}(\/|$))[^/\p{Cc}]+(\/(?!\.{1,2}(\/|$))[^/\p{Cc}]+)*$/u;

const pathOption = (description: string, example: string) =>
  z.string().regex(PATH, `must be a path such as ${example}, without "/" at its ends`).meta({ description });

const authMount = (standard: string) =>
  pathOption(
    `Where the auth method is enabled, without "auth/" before it. Default ${standard}.`,
    `${standard} or team/${standard}`,
  ).default(standard);

const role = z.string().min(1);

function oneOf<Value extends object>(...[first, second]: [keyof Value & string, keyof Value & string]) {
  return (value: Value, context: z.RefinementCtx<Value>) => {
    if (value[first] !== undefined && value[second] !== undefined) {
      context.addIssue({ code: 'custom', path: [second], message: `give ${first} or ${second}, not both` });
    }
  };
}

const tokenAuth = z
  .strictObject({
    method: z.literal('token').meta({ description: 'A token that somebody else made.' }),
    token: secretOption(
      'The token. Default: tokenFile, else VAULT_TOKEN or BAO_TOKEN, else the file ~/.vault-token.',
    ).optional(),
    tokenFile: fileOption('File with the token; read again when the server refuses the token.').optional(),
  })
  .superRefine(oneOf('token', 'tokenFile'));

const approleAuth = z
  .strictObject({
    method: z.literal('approle').meta({ description: 'A role id and a secret id.' }),
    mount: authMount('approle'),
    roleId: z.string().min(1).optional().meta({ description: 'Role id. This or roleIdFile is required.' }),
    roleIdFile: fileOption('File with the role id, read at each login.').optional(),
    secretId: secretOption('Secret id. Leave it out only for a role with bind_secret_id=false.').optional(),
    secretIdFile: fileOption('File with the secret id, read at each login.').optional(),
    secretIdWrapped: z.boolean().default(false).meta({
      description:
        'Whether secretId or secretIdFile holds a response-wrapping token instead, which is unwrapped once. Default false.',
    }),
  })
  .superRefine(oneOf('roleId', 'roleIdFile'))
  .superRefine(oneOf('secretId', 'secretIdFile'))
  .superRefine((value, context) => {
    if (value.roleId === undefined && value.roleIdFile === undefined) {
      context.addIssue({ code: 'custom', path: ['roleId'], message: 'roleId or roleIdFile is required' });
    }
    if (value.secretIdWrapped && value.secretId === undefined && value.secretIdFile === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['secretIdWrapped'],
        message: 'secretId or secretIdFile must hold the wrapping token',
      });
    }
  });

/** Where Kubernetes mounts it. */
export const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

const kubernetesAuth = z.strictObject({
  method: z.literal('kubernetes').meta({ description: "The pod's service account." }),
  mount: authMount('kubernetes'),
  role: role.meta({ description: 'Role of the auth method.' }),
  jwtFile: fileOption('File with the service account token, read at each login.').default(SERVICE_ACCOUNT_TOKEN).meta({
    description:
      'File with the service account token, read at each login. Default /var/run/secrets/kubernetes.io/serviceaccount/token.',
  }),
});

const jwtAuth = z
  .strictObject({
    method: z
      .literal('jwt')
      .meta({ description: 'A JWT of an issuer that the server trusts, of a CI job for example.' }),
    mount: authMount('jwt'),
    role: role.optional().meta({ description: "Role of the auth method. Default: the method's own default role." }),
    jwt: secretOption('The JWT. This or jwtFile is required.').optional(),
    jwtFile: fileOption('File with the JWT, read at each login.').optional(),
  })
  .superRefine(oneOf('jwt', 'jwtFile'))
  .superRefine((value, context) => {
    if (value.jwt === undefined && value.jwtFile === undefined) {
      context.addIssue({ code: 'custom', path: ['jwtFile'], message: 'jwt or jwtFile is required' });
    }
  });

const certAuth = z.strictObject({
  method: z.literal('cert').meta({ description: 'The TLS client certificate of tls.certFile and tls.keyFile.' }),
  mount: authMount('cert'),
  role: role.optional().meta({ description: 'Name of the certificate role. Default: each that matches is tried.' }),
});

const auth = z
  .discriminatedUnion('method', [tokenAuth, approleAuth, kubernetesAuth, jwtAuth, certAuth])
  .optional()
  .meta({ description: 'How to log in. Default: method token.' });

const tls = z
  .strictObject({
    caFile: fileOption(
      'PEM file of the authorities to trust, instead of those of the system. Default VAULT_CACERT or BAO_CACERT.',
    ).optional(),
    caPath: fileOption(
      'Folder of such PEM files, used where caFile is not set. Default VAULT_CAPATH or BAO_CAPATH.',
    ).optional(),
    certFile: fileOption(
      'PEM file of the client certificate, with its chain. Default VAULT_CLIENT_CERT or BAO_CLIENT_CERT.',
    ).optional(),
    keyFile: fileOption(
      "PEM file of the client certificate's key. Default VAULT_CLIENT_KEY or BAO_CLIENT_KEY.",
    ).optional(),
    serverName: z.string().min(1).optional().meta({
      description:
        "Name that the server's certificate must carry. Default VAULT_TLS_SERVER_NAME or BAO_TLS_SERVER_NAME, else the address's host.",
    }),
  })
  .superRefine((value, context) => {
    if ((value.certFile === undefined) !== (value.keyFile === undefined)) {
      context.addIssue({ code: 'custom', path: [], message: 'certFile and keyFile belong together' });
    }
  })
  .optional()
  .meta({ description: 'TLS to the server.' });

export const vaultOptions = z
  .strictObject({
    address: z.string().min(1).optional().meta({
      description: 'URL of the server: https://vault.example.com:8200. Default VAULT_ADDR or BAO_ADDR.',
    }),
    allowSecretsOverPlainHttp: z.boolean().default(false).meta({
      description:
        'Allows http:// to other hosts than this machine. Everybody on the way can then read the login and the secret, and use both. Default false.',
    }),
    namespace: pathOption('Namespace. Default VAULT_NAMESPACE or BAO_NAMESPACE, else none.', 'team/app').optional(),
    mount: pathOption('Where the KV secrets engine is mounted. Default secret.', 'secret or team/kv').default('secret'),
    path: pathOption('The secret below the mount, without "data/": ims/fusion.', 'ims/fusion'),
    kvVersion: z.int().min(1).max(2).optional().meta({
      description: 'Version of the KV secrets engine, 1 or 2. Default: found out with the first read.',
    }),
    version: z.int().min(1).optional().meta({
      description: 'Version of the secret, from 1 on; KV version 2 only. Default: the current one.',
    }),
    maxVersions: z.int().min(1).max(10_000).optional().meta({
      description:
        "How many versions of a secret that imsvault writes are kept; KV version 2 only. Default: what the secret's metadata says, else 10.",
    }),
    deleteVersionAfter: durationOption(
      'When the server deletes a version of a secret that imsvault writes; KV version 2 only. Longer than the token lives: 1 min to 1 year. Default: left as it is.',
      { min: 60_000, max: 365 * 24 * 3_600_000 },
    ).optional(),
    auth,
    tls,
  })
  .superRefine((value, context) => {
    if (value.address !== undefined) {
      const message = addressProblem(value.address, value.allowSecretsOverPlainHttp);
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['address'], message });
    }
    for (const name of ['version', 'maxVersions', 'deleteVersionAfter'] as const) {
      if (value.kvVersion !== 1 || value[name] === undefined) continue;
      context.addIssue({ code: 'custom', path: [name], message: 'KV version 1 keeps no versions' });
    }
  });

export type VaultOptions = z.output<typeof vaultOptions>;
export type VaultAuth = NonNullable<VaultOptions['auth']>;
export type VaultAuthOf<Method extends VaultAuth['method']> = Extract<VaultAuth, { method: Method }>;
