/** What `init` has to know of one option of a provider's block. */
export interface Question {
  /** Dotted path in the block: `auth.roleId`. */
  option: string;
  /** `--role-id` without its dashes. */
  flag: string;
  message: string;
  /** Without it there is no config, unless one of `variables` is set. */
  required: boolean;
  /** Where the provider looks by itself. */
  variables?: readonly string[];
  /** Offered, and written only where it is taken. */
  initial?: string;
  choices?: readonly string[];
  /** Asked for these values of `auth.method` only. */
  methods?: readonly string[];
}

export interface StoreQuestions {
  label: string;
  questions: readonly Question[];
  /** The option that names the secret; what is shared there gets another name. Undefined: nothing can be written. */
  name?: string;
}

const required = (flag: string, option: string, message: string, methods?: readonly string[]): Question => ({
  flag,
  option,
  message,
  required: true,
  ...(methods === undefined ? {} : { methods }),
});

export const STORES: Readonly<Record<string, StoreQuestions>> = {
  'aws-secrets-manager': {
    label: 'AWS Secrets Manager',
    name: 'secretId',
    questions: [
      required('secret-id', 'secretId', 'Name or ARN of the secret'),
      {
        flag: 'region',
        option: 'region',
        message: 'Region',
        required: true,
        variables: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
      },
    ],
  },
  vault: {
    label: 'HashiCorp Vault or OpenBao',
    name: 'path',
    questions: [
      {
        flag: 'address',
        option: 'address',
        message: 'Address of the server',
        required: true,
        variables: ['VAULT_ADDR', 'BAO_ADDR'],
      },
      { flag: 'mount', option: 'mount', message: 'Mount of the KV engine', required: false, initial: 'secret' },
      required('path', 'path', 'Path of the secret, without "data/"'),
      {
        ...required('auth', 'auth.method', 'Login'),
        choices: ['approle', 'kubernetes', 'jwt', 'cert', 'token'],
      },
      required('role-id', 'auth.roleId', 'Role id', ['approle']),
      required('secret-id-file', 'auth.secretIdFile', 'File with the secret id', ['approle']),
      required('role', 'auth.role', 'Role', ['kubernetes', 'jwt']),
      required('jwt-file', 'auth.jwtFile', 'File with the JWT', ['jwt']),
      required('cert-file', 'tls.certFile', 'File with the client certificate', ['cert']),
      required('key-file', 'tls.keyFile', 'File with its private key', ['cert']),
    ],
  },
  'azure-key-vault': {
    label: 'Azure Key Vault',
    name: 'secretName',
    questions: [
      required('vault-url', 'vaultUrl', 'URL of the vault'),
      required('secret-name', 'secretName', 'Name of the secret'),
      {
        ...required('auth', 'auth.method', 'Login'),
        choices: [
          'managed-identity',
          'workload-identity',
          'azure-cli',
          'client-certificate',
          'client-secret',
          'default',
        ],
      },
      required('tenant-id', 'auth.tenantId', 'Tenant id', ['client-certificate', 'client-secret']),
      required('client-id', 'auth.clientId', 'Client id of the app registration', [
        'client-certificate',
        'client-secret',
      ]),
      required('cert-file', 'auth.certificateFile', 'File with certificate and private key', ['client-certificate']),
      required('client-secret-file', 'auth.clientSecretFile', 'File with its client secret', ['client-secret']),
    ],
  },
  env: { label: 'Environment variables', questions: [] },
};

/** Each flag once, with what it means to each store. */
export function questionFlags(): { flag: string; description: string }[] {
  const found = new Map<string, string>();
  for (const [provider, { questions }] of Object.entries(STORES)) {
    for (const { flag, message } of questions) {
      const meaning = `${message} (${provider})`;
      found.set(flag, found.has(flag) ? `${found.get(flag)}; ${meaning}` : meaning);
    }
  }
  return [...found].map(([flag, description]) => ({ flag, description }));
}
