import * as z from 'zod';
import { fileOption, secretOption } from '../../src/secret/option-types.js';

const httpsUrl = (what: string) =>
  z.url({ protocol: /^https$/, error: `must be ${what}, starting with https://` }).refine(isOrigin, {
    error: `must be ${what} only, without a path, query or login`,
  });

function isOrigin(value: string): boolean {
  if (!URL.canParse(value)) return true;
  const url = new URL(value);
  return `${url.origin}/` === url.href;
}

const secretName = (description: string) =>
  z
    .string()
    .regex(/^[0-9A-Za-z-]{1,127}$/, 'must be the name of a secret: 1 to 127 letters, digits and "-"')
    .optional()
    .meta({ description });

const id = (description: string) =>
  z
    .string()
    .regex(/^[0-9A-Za-z.-]{1,100}$/, 'must be an id: letters, digits, "-" and "."')
    .meta({ description });

const tenantId = id('Entra tenant: the id (a GUID) of the tenant that the vault belongs to.');
const clientId = id('Client id (application id) of the app registration or the user-assigned identity.');

const authorityHost = httpsUrl("the login service's address").optional().meta({
  description:
    'Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.',
});

const auth = z
  .discriminatedUnion('method', [
    z.strictObject({
      method: z
        .literal('default')
        .meta({ description: 'DefaultAzureCredential: tries each login that the SDK knows.' }),
      clientId: clientId.optional(),
      tenantId: tenantId.optional(),
      authorityHost,
    }),
    z
      .strictObject({
        method: z.literal('managed-identity').meta({
          description: 'The identity of the VM, App Service, Function or Container App. System-assigned by default.',
        }),
        clientId: clientId.optional(),
        resourceId: z.string().startsWith('/subscriptions/').optional().meta({
          description:
            'Resource id of a user-assigned identity, instead of clientId: /subscriptions/…/userAssignedIdentities/….',
        }),
      })
      .refine((value) => value.clientId === undefined || value.resourceId === undefined, {
        path: ['resourceId'],
        error: 'name the user-assigned identity by clientId or by resourceId, not by both',
      }),
    z.strictObject({
      method: z.literal('workload-identity').meta({ description: 'Federated token of a Kubernetes service account.' }),
      clientId: clientId.optional().meta({ description: 'Client id of the identity. Default AZURE_CLIENT_ID.' }),
      tenantId: tenantId.optional().meta({ description: 'Entra tenant (a GUID). Default AZURE_TENANT_ID.' }),
      tokenFile: fileOption(
        'File with the federated token, read at each login. Default AZURE_FEDERATED_TOKEN_FILE.',
      ).optional(),
      authorityHost,
    }),
    z
      .strictObject({
        method: z.literal('client-secret').meta({ description: 'An app registration with a client secret.' }),
        tenantId,
        clientId,
        clientSecret: secretOption(
          'Client secret of the app registration at Entra; not the IMS client secret.',
        ).optional(),
        clientSecretFile: fileOption('File with the client secret, read at each login.').optional(),
        authorityHost,
      })
      .refine((value) => (value.clientSecret === undefined) !== (value.clientSecretFile === undefined), {
        path: ['clientSecret'],
        error: 'give exactly one of clientSecret and clientSecretFile',
      }),
    z
      .strictObject({
        method: z.literal('client-certificate').meta({ description: 'An app registration with a certificate.' }),
        tenantId,
        clientId,
        certificateFile: fileOption(
          'PEM file with the certificate and its RSA private key, read at each login. At most 64 KiB.',
        ),
        certificatePassword: secretOption('Password of an encrypted private key.').optional(),
        certificatePasswordFile: fileOption('File with that password, read at each login.').optional(),
        authorityHost,
      })
      .refine((value) => value.certificatePassword === undefined || value.certificatePasswordFile === undefined, {
        path: ['certificatePassword'],
        error: 'give only one of certificatePassword and certificatePasswordFile',
      }),
    z.strictObject({
      method: z.literal('azure-cli').meta({ description: 'The account of `az login`; for laptops.' }),
      tenantId: tenantId.optional(),
    }),
  ])
  .meta({ description: 'How to log in at Entra ID. Default { method: default }.' });

export const azureKeyVaultOptions = z
  .strictObject({
    vaultUrl: httpsUrl("the vault's address").meta({
      description: 'The vault, an https:// URL: https://my-vault.vault.azure.net.',
    }),
    secretName: secretName(
      'Name of the one secret that holds the client id and the client secret, as JSON; in tokenStore, the token. Claims to renew a token go to a second secret, <secretName>-claim.',
    ),
    clientIdSecretName: secretName('Name of the secret that holds the client id alone; with clientSecretSecretName.'),
    clientSecretSecretName: secretName('Name of the secret that holds the client secret alone.'),
    version: z
      .string()
      .regex(/^[0-9A-Za-z-]{1,64}$/, 'must be the id of a secret version')
      .optional()
      .meta({ description: 'Id of one version of secretName. Default: the latest version.' }),
    disablePreviousVersions: z.boolean().default(false).meta({
      description:
        'Disable older versions of a token that imsvault wrote, all but the last two; needs the permission to list. Default false.',
    }),
    auth: auth.default({ method: 'default' }),
    disableInstanceDiscovery: z.boolean().default(false).meta({
      description:
        'Do not ask Microsoft whether authorityHost is one of its own. Only for private clouds and emulators. Default false.',
    }),
    disableChallengeResourceVerification: z.boolean().default(false).meta({
      description:
        'Accept a vault that asks for a token of another service. Risk: tokens go to whatever resource the server asks for, so a wrong vaultUrl can collect a login. Only for private clouds and emulators. Default false.',
    }),
    caFile: fileOption(
      'PEM file with a private authority, trusted for the vault and the login service besides the public ones. At most 1 MiB.',
    ).optional(),
  })
  .superRefine((value, context) => {
    const fail = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const { secretName: one, clientIdSecretName: idName, clientSecretSecretName: secret } = value;
    const pair = idName !== undefined || secret !== undefined;
    if (one === undefined && !pair) {
      fail('secretName', 'name the secret: secretName, or clientIdSecretName and clientSecretSecretName');
    }
    if (one !== undefined && pair) {
      fail('secretName', 'give secretName, or clientIdSecretName and clientSecretSecretName, not both');
    }
    if (one === undefined && idName !== undefined && secret === undefined) {
      fail('clientSecretSecretName', 'is missing beside clientIdSecretName');
    }
    if (one === undefined && idName === undefined && secret !== undefined) {
      fail('clientIdSecretName', 'is missing beside clientSecretSecretName');
    }
    if (value.version !== undefined && pair) fail('version', 'works with secretName only');
  });

export type AzureKeyVaultOptions = z.output<typeof azureKeyVaultOptions>;
export type AzureAuth = AzureKeyVaultOptions['auth'];

/** Those that say which secret. */
export const REF_OPTIONS = [
  'secretName',
  'clientIdSecretName',
  'clientSecretSecretName',
  'version',
  'disablePreviousVersions',
] as const;
export type RefOption = (typeof REF_OPTIONS)[number];
export type AzureRef = Pick<AzureKeyVaultOptions, RefOption>;
export type AzureConnection = Omit<AzureKeyVaultOptions, RefOption>;
