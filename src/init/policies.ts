import type { JsonObject } from '../json.js';

/** The least that one kind of process must be allowed, in the words of its store. */
export interface Policy {
  /** `renewer` reads the credential and writes the shared token; `consumer` reads that token alone. */
  role: 'renewer' | 'consumer';
  /** To be pasted as it is, but for words in angle brackets. */
  text: string;
}

export interface VaultSecrets {
  mount: string;
  path: string;
  /** The shared token's path. */
  tokenPath?: string | undefined;
  kvVersion?: number | undefined;
}

export function vaultPolicies({ mount, path, tokenPath, kvVersion }: VaultSecrets): Policy[] {
  const data = (secret: string) => (kvVersion === 1 ? `${mount}/${secret}` : `${mount}/data/${secret}`);
  const rules = (...lines: (readonly [path: string, capabilities: string])[]) => {
    const width = Math.max(...lines.map(([at]) => at.length)) + 2;
    return lines
      .map(([at, capabilities]) => `path ${`"${at}"`.padEnd(width)} { capabilities = [${capabilities}] }`)
      .join('\n');
  };
  const read = [data(path), '"read"'] as const;
  if (tokenPath === undefined) return [{ role: 'renewer', text: rules(read) }];
  const write = [data(tokenPath), '"create", "update", "read"'] as const;
  const metadata = [`${mount}/metadata/${tokenPath}`, '"read", "update"'] as const;
  return [
    { role: 'renewer', text: kvVersion === 1 ? rules(read, write) : rules(read, write, metadata) },
    { role: 'consumer', text: rules([data(tokenPath), '"read"']) },
  ];
}

export interface AwsSecrets {
  /** Name or ARN. */
  secretId: string;
  tokenSecretId?: string | undefined;
  region?: string | undefined;
}

const READ = 'secretsmanager:GetSecretValue';
const WRITE = [
  READ,
  'secretsmanager:DescribeSecret',
  'secretsmanager:PutSecretValue',
  'secretsmanager:UpdateSecretVersionStage',
  'secretsmanager:CreateSecret',
  'secretsmanager:TagResource',
];

export function awsPolicies({ secretId, tokenSecretId, region = '<region>' }: AwsSecrets): Policy[] {
  // AWS appends six random characters to a name.
  const arn = (id: string) =>
    id.startsWith('arn:') ? id : `arn:aws:secretsmanager:${region}:<account id>:secret:${id}-??????`;
  const allow = (action: string | string[], id: string) => ({ Effect: 'Allow', Action: action, Resource: arn(id) });
  const policy = (...statements: object[]) =>
    JSON.stringify({ Version: '2012-10-17', Statement: statements }, undefined, 2);
  const read = allow(READ, secretId);
  if (tokenSecretId === undefined) return [{ role: 'renewer', text: policy(read) }];
  return [
    { role: 'renewer', text: policy(read, allow(WRITE, tokenSecretId)) },
    { role: 'consumer', text: policy(allow(READ, tokenSecretId)) },
  ];
}

export interface AzureSecrets {
  vaultUrl: string;
  secretName: string;
  tokenSecretName?: string | undefined;
}

/** Key Vault has no built-in role that writes secrets and does not delete them. */
const RENEWER_ROLE = {
  Name: 'imsvault token renewer',
  IsCustom: true,
  Description: 'Reads, writes and lists the versions of a token and its claims.',
  Actions: [],
  DataActions: ['getSecret', 'setSecret', 'readMetadata', 'update'].map(
    (action) => `Microsoft.KeyVault/vaults/secrets/${action}/action`,
  ),
  AssignableScopes: ['/subscriptions/<subscription id>'],
};

export function azurePolicies({ vaultUrl, secretName, tokenSecretName }: AzureSecrets): Policy[] {
  const [vault = ''] = new URL(vaultUrl).hostname.split('.');
  const assign = (role: string, secret: string) =>
    `az role assignment create --role "${role}" \\
  --assignee-object-id <principal id> --assignee-principal-type ServicePrincipal \\
  --scope "$(az keyvault show --name ${vault} --query id --output tsv)/secrets/${secret}"`;
  const reads = 'Key Vault Secrets User';
  const read = assign(reads, secretName);
  if (tokenSecretName === undefined) return [{ role: 'renewer', text: read }];
  const define = `cat > renewer.json <<'JSON'\n${JSON.stringify(RENEWER_ROLE, undefined, 2)}\nJSON\naz role definition create --role-definition renewer.json`;
  const writes = [tokenSecretName, `${tokenSecretName}-claim`].map((secret) => assign(RENEWER_ROLE.Name, secret));
  return [
    { role: 'renewer', text: [read, define, ...writes].join('\n') },
    { role: 'consumer', text: assign(reads, tokenSecretName) },
  ];
}

/** For the secrets that a profile names. Empty where the store is not one of these. */
export function policiesFor({
  credentials,
  tokenStore,
}: {
  credentials: JsonObject;
  tokenStore?: JsonObject;
}): Policy[] {
  const text = (option: string, block = credentials) => {
    const value = block?.[option];
    return value === undefined ? undefined : String(value);
  };
  const shared = (option: string) => (tokenStore === undefined ? undefined : text(option, tokenStore));
  switch (credentials.provider) {
    case 'vault':
      return vaultPolicies({
        mount: text('mount') ?? 'secret',
        path: text('path') ?? '',
        tokenPath: shared('path'),
        kvVersion: Number(text('kvVersion') ?? 2),
      });
    case 'aws-secrets-manager':
      return awsPolicies({
        secretId: text('secretId') ?? '',
        tokenSecretId: shared('secretId'),
        region: text('region'),
      });
    case 'azure-key-vault':
      return azurePolicies({
        vaultUrl: text('vaultUrl') ?? '',
        secretName: text('secretName') ?? '',
        tokenSecretName: shared('secretName'),
      });
    default:
      return [];
  }
}
