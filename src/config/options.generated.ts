// Made by scripts/generate.mjs from the options' zod types. Do not edit.
import type {Redacted} from '../redacted.js';

/**
 * A config: one profile at the top, or several under `profiles`.
 */
export type ImsvaultConfig = ImsvaultOneProfile | ImsvaultProfiles;
/**
 * Where the client id and the client secret are. Default { provider: env }.
 */
export type Credentials =
  | AwsSecretsManagerCredentials
  | VaultCredentials
  | AzureKeyVaultCredentials
  | EnvCredentials
  | FileCredentials
  | ChainCredentials
  | ModuleCredentials;
/**
 * Where the token is written, and shared between processes and machines.
 */
export type TokenStore =
  AwsSecretsManagerTokenStore | VaultTokenStore | AzureKeyVaultTokenStore | FileTokenStore | ModuleTokenStore;

/**
 * One profile.
 */
export interface ImsvaultOneProfile {
  ims?: ImsOptions;
  credentials?: Credentials;
  tokenStore?: TokenStore;
  renewal?: RenewalOptions;
  rotation?: RotationOptions;
  /**
   * Keep the token in a file of this user, for further processes on this machine: true or false, also on and off. Default: true for the command line, false for the library.
   */
  cache?: boolean | ('0' | '1' | 'on' | 'off' | 'true' | 'false');
  agent?: AgentOptions;
}
/**
 * Adobe IMS.
 */
export interface ImsOptions {
  /**
   * Where credentials are exchanged, an https:// URL; http:// for loopback only. Default https://ims-na1.adobelogin.com/ims/token/v3.
   */
  tokenEndpoint?: string;
  /**
   * Accept an http:// token endpoint other than loopback. Risk: everybody on the way can read the client secret and the token. Default false.
   */
  allowSecretsOverPlainHttp?: boolean;
  /**
   * Scopes to ask for: a list, or a text with commas or spaces between them. Default: those that the secret names, else openid, AdobeID, profile, additional_info.projectedProductContext.
   */
  scope?: string | string[];
  /**
   * Organisation to ask for: …@AdobeOrg. Default: the one that the secret names, else none.
   */
  orgId?: string;
  /**
   * Client id that tokens are for: a credential or a shared token of another client is refused. Part of the identity of a shared token. Default: not fixed.
   */
  clientId?: string;
  /**
   * PEM file with further authorities to trust for the token endpoint, besides the public ones. A path: absolute, `~/…`, or relative to the config file.
   */
  caFile?: string;
  /**
   * Bound on name look-up, TCP and TLS. 10 ms to 5 min. Default 5s.
   */
  connectTimeout?: number | string;
  /**
   * Bound from the request's end to the answer's headers. 10 ms to 5 min. Default 10s.
   */
  headersTimeout?: number | string;
  /**
   * Bound between two pieces of the answer's body. 10 ms to 5 min. Default 5s.
   */
  bodyTimeout?: number | string;
  /**
   * Bound on one request, its connection included. 10 ms to 5 min. Default 20s.
   */
  requestTimeout?: number | string;
  /**
   * Bound on one exchange with all its retries. 100 ms to 10 min. Default 60s.
   */
  timeout?: number | string;
  /**
   * Retries after 429, 5xx and network failures. A rejection is never retried.
   */
  retry?: {
    /**
     * Requests in all, the first included. 1 to 10. Default 4.
     */
    maxAttempts?: number;
    /**
     * Upper bound of the first random wait; it doubles with each further one. 1 ms to 1 min. Default 500ms.
     */
    baseDelay?: number | string;
    /**
     * Upper bound of any random wait. 1 ms to 5 min. Default 10s.
     */
    maxDelay?: number | string;
    /**
     * Upper bound on the server's Retry-After. At most 1 h. Default 30s.
     */
    maxRetryAfter?: number | string;
  };
}
/**
 * AWS Secrets Manager.
 */
export interface AwsSecretsManagerCredentials {
  provider: 'aws-secrets-manager';
  /**
   * Name or ARN of the secret; its ARN where another account owns it. 1 to 2048 characters.
   */
  secretId: string;
  /**
   * Staging label of the version to read. 1 to 256 characters. Default AWSCURRENT.
   */
  versionStage?: string;
  /**
   * Id of one version to read. 32 to 64 characters. With versionStage, both must mean the same version. Default: by stage.
   */
  versionId?: string;
  /**
   * AWS region, such as eu-west-1. Default: the region in the secret's ARN, AWS_REGION, AWS_DEFAULT_REGION, or the profile's.
   */
  region?: string;
  /**
   * Address of Secrets Manager, a URL: a VPC endpoint or an emulator. Default AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL, or the region's.
   */
  endpoint?: string;
  /**
   * Accept http:// endpoints other than loopback. Risk: everybody on the way can read the secrets. Default false.
   */
  allowSecretsOverPlainHttp?: boolean;
  /**
   * Profile of ~/.aws/config and ~/.aws/credentials. Default AWS_PROFILE, else "default".
   */
  awsProfile?: string;
  /**
   * A role to assume with the credentials found first. Needs the package @aws-sdk/client-sts.
   */
  assumeRole?: {
    /**
     * ARN of the role to assume before the secret is read.
     */
    roleArn: string;
    /**
     * External id that the role's trust policy asks for. 2 to 1224 characters. Default none.
     */
    externalId?: string;
    /**
     * Name of the session, which CloudTrail shows. 2 to 64 characters. Default imsvault.
     */
    sessionName?: string;
    /**
     * How long the role's credentials live, in seconds. 900 to 43200, and at most 3600 where a role assumes another. Default 3600, set by AWS.
     */
    durationSeconds?: number;
  };
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Names of the fields of the secret, where they are not among those known.
   */
  fields?: {
    /**
     * Field of the secret that holds the client id: a name, or a dotted path. Default: known names.
     */
    clientId?: string;
    /**
     * Field of the secret that holds the client secret: a name, or a dotted path. Default: known names.
     */
    clientSecret?: string;
    /**
     * Field of the secret that holds the scopes: a name, or a dotted path. Default: known names.
     */
    scope?: string;
    /**
     * Field of the secret that holds the organisation: a name, or a dotted path. Default: known names.
     */
    orgId?: string;
  };
}
/**
 * HashiCorp Vault or OpenBao.
 */
export interface VaultCredentials {
  provider: 'vault';
  /**
   * URL of the server: https://vault.example.com:8200. Default VAULT_ADDR or BAO_ADDR.
   */
  address?: string;
  /**
   * Allows http:// to other hosts than this machine. Everybody on the way can then read the login and the secret, and use both. Default false.
   */
  allowSecretsOverPlainHttp?: boolean;
  /**
   * Namespace. Default VAULT_NAMESPACE or BAO_NAMESPACE, else none.
   */
  namespace?: string;
  /**
   * Where the KV secrets engine is mounted. Default secret.
   */
  mount?: string;
  /**
   * The secret below the mount, without "data/": ims/fusion.
   */
  path: string;
  /**
   * Version of the KV secrets engine, 1 or 2. Default: found out with the first read.
   */
  kvVersion?: number;
  /**
   * Version of the secret, from 1 on; KV version 2 only. Default: the current one.
   */
  version?: number;
  /**
   * How many versions of a secret that imsvault writes are kept; KV version 2 only. Default: what the secret's metadata says, else 10.
   */
  maxVersions?: number;
  /**
   * When the server deletes a version of a secret that imsvault writes; KV version 2 only. Longer than the token lives: 1 min to 1 year. Default: left as it is.
   */
  deleteVersionAfter?: number | string;
  /**
   * How to log in. Default: method token.
   */
  auth?:
    | {
        /**
         * A token that somebody else made.
         */
        method: 'token';
        /**
         * The token. Default: tokenFile, else VAULT_TOKEN or BAO_TOKEN, else the file ~/.vault-token.
         */
        token?: string | Redacted<string>;
        /**
         * File with the token; read again when the server refuses the token. A path: absolute, `~/…`, or relative to the config file.
         */
        tokenFile?: string;
      }
    | {
        /**
         * A role id and a secret id.
         */
        method: 'approle';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default approle.
         */
        mount?: string;
        /**
         * Role id. This or roleIdFile is required.
         */
        roleId?: string;
        /**
         * File with the role id, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        roleIdFile?: string;
        /**
         * Secret id. Leave it out only for a role with bind_secret_id=false.
         */
        secretId?: string | Redacted<string>;
        /**
         * File with the secret id, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        secretIdFile?: string;
        /**
         * Whether secretId or secretIdFile holds a response-wrapping token instead, which is unwrapped once. Default false.
         */
        secretIdWrapped?: boolean;
      }
    | {
        /**
         * The pod's service account.
         */
        method: 'kubernetes';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default kubernetes.
         */
        mount?: string;
        /**
         * Role of the auth method.
         */
        role: string;
        /**
         * File with the service account token, read at each login. Default /var/run/secrets/kubernetes.io/serviceaccount/token.
         */
        jwtFile?: string;
      }
    | {
        /**
         * A JWT of an issuer that the server trusts, of a CI job for example.
         */
        method: 'jwt';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default jwt.
         */
        mount?: string;
        /**
         * Role of the auth method. Default: the method's own default role.
         */
        role?: string;
        /**
         * The JWT. This or jwtFile is required.
         */
        jwt?: string | Redacted<string>;
        /**
         * File with the JWT, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        jwtFile?: string;
      }
    | {
        /**
         * The TLS client certificate of tls.certFile and tls.keyFile.
         */
        method: 'cert';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default cert.
         */
        mount?: string;
        /**
         * Name of the certificate role. Default: each that matches is tried.
         */
        role?: string;
      };
  /**
   * TLS to the server.
   */
  tls?: {
    /**
     * PEM file of the authorities to trust, instead of those of the system. Default VAULT_CACERT or BAO_CACERT. A path: absolute, `~/…`, or relative to the config file.
     */
    caFile?: string;
    /**
     * Folder of such PEM files, used where caFile is not set. Default VAULT_CAPATH or BAO_CAPATH. A path: absolute, `~/…`, or relative to the config file.
     */
    caPath?: string;
    /**
     * PEM file of the client certificate, with its chain. Default VAULT_CLIENT_CERT or BAO_CLIENT_CERT. A path: absolute, `~/…`, or relative to the config file.
     */
    certFile?: string;
    /**
     * PEM file of the client certificate's key. Default VAULT_CLIENT_KEY or BAO_CLIENT_KEY. A path: absolute, `~/…`, or relative to the config file.
     */
    keyFile?: string;
    /**
     * Name that the server's certificate must carry. Default VAULT_TLS_SERVER_NAME or BAO_TLS_SERVER_NAME, else the address's host.
     */
    serverName?: string;
  };
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Names of the fields of the secret, where they are not among those known.
   */
  fields?: {
    /**
     * Field of the secret that holds the client id: a name, or a dotted path. Default: known names.
     */
    clientId?: string;
    /**
     * Field of the secret that holds the client secret: a name, or a dotted path. Default: known names.
     */
    clientSecret?: string;
    /**
     * Field of the secret that holds the scopes: a name, or a dotted path. Default: known names.
     */
    scope?: string;
    /**
     * Field of the secret that holds the organisation: a name, or a dotted path. Default: known names.
     */
    orgId?: string;
  };
}
/**
 * Azure Key Vault.
 */
export interface AzureKeyVaultCredentials {
  provider: 'azure-key-vault';
  /**
   * The vault, an https:// URL: https://my-vault.vault.azure.net.
   */
  vaultUrl: string;
  /**
   * Name of the one secret that holds the client id and the client secret, as JSON; in tokenStore, the token. Claims to renew a token go to a second secret, <secretName>-claim.
   */
  secretName?: string;
  /**
   * Name of the secret that holds the client id alone; with clientSecretSecretName.
   */
  clientIdSecretName?: string;
  /**
   * Name of the secret that holds the client secret alone.
   */
  clientSecretSecretName?: string;
  /**
   * Id of one version of secretName. Default: the latest version.
   */
  version?: string;
  /**
   * Disable older versions of a token that imsvault wrote, all but the last two; needs the permission to list. Default false.
   */
  disablePreviousVersions?: boolean;
  /**
   * How to log in at Entra ID. Default { method: default }.
   */
  auth?:
    | {
        /**
         * DefaultAzureCredential: tries each login that the SDK knows.
         */
        method: 'default';
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId?: string;
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * The identity of the VM, App Service, Function or Container App. System-assigned by default.
         */
        method: 'managed-identity';
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId?: string;
        /**
         * Resource id of a user-assigned identity, instead of clientId: /subscriptions/…/userAssignedIdentities/….
         */
        resourceId?: string;
      }
    | {
        /**
         * Federated token of a Kubernetes service account.
         */
        method: 'workload-identity';
        /**
         * Client id of the identity. Default AZURE_CLIENT_ID.
         */
        clientId?: string;
        /**
         * Entra tenant (a GUID). Default AZURE_TENANT_ID.
         */
        tenantId?: string;
        /**
         * File with the federated token, read at each login. Default AZURE_FEDERATED_TOKEN_FILE. A path: absolute, `~/…`, or relative to the config file.
         */
        tokenFile?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * An app registration with a client secret.
         */
        method: 'client-secret';
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId: string;
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId: string;
        /**
         * Client secret of the app registration at Entra; not the IMS client secret.
         */
        clientSecret?: string | Redacted<string>;
        /**
         * File with the client secret, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        clientSecretFile?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * An app registration with a certificate.
         */
        method: 'client-certificate';
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId: string;
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId: string;
        /**
         * PEM file with the certificate and its RSA private key, read at each login. At most 64 KiB. A path: absolute, `~/…`, or relative to the config file.
         */
        certificateFile: string;
        /**
         * Password of an encrypted private key.
         */
        certificatePassword?: string | Redacted<string>;
        /**
         * File with that password, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        certificatePasswordFile?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * The account of `az login`; for laptops.
         */
        method: 'azure-cli';
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId?: string;
      };
  /**
   * Do not ask Microsoft whether authorityHost is one of its own. Only for private clouds and emulators. Default false.
   */
  disableInstanceDiscovery?: boolean;
  /**
   * Accept a vault that asks for a token of another service. Risk: tokens go to whatever resource the server asks for, so a wrong vaultUrl can collect a login. Only for private clouds and emulators. Default false.
   */
  disableChallengeResourceVerification?: boolean;
  /**
   * PEM file with a private authority, trusted for the vault and the login service besides the public ones. At most 1 MiB. A path: absolute, `~/…`, or relative to the config file.
   */
  caFile?: string;
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Names of the fields of the secret, where they are not among those known.
   */
  fields?: {
    /**
     * Field of the secret that holds the client id: a name, or a dotted path. Default: known names.
     */
    clientId?: string;
    /**
     * Field of the secret that holds the client secret: a name, or a dotted path. Default: known names.
     */
    clientSecret?: string;
    /**
     * Field of the secret that holds the scopes: a name, or a dotted path. Default: known names.
     */
    scope?: string;
    /**
     * Field of the secret that holds the organisation: a name, or a dotted path. Default: known names.
     */
    orgId?: string;
  };
}
/**
 * Environment variables.
 */
export interface EnvCredentials {
  provider: 'env';
  /**
   * Name of the variable that holds the client id. Default FUSION_CLIENT_ID. The same name with `_FILE` may name a file instead.
   */
  clientId?: string;
  /**
   * Name of the variable that holds the client secret. Default FUSION_CLIENT_SECRET. The same name with `_FILE` may name a file instead.
   */
  clientSecret?: string;
  /**
   * A dotenv file to read as well; the real environment wins. Never read unless named. A path: absolute, `~/…`, or relative to the config file.
   */
  dotenv?: string;
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Names of the fields of the secret, where they are not among those known.
   */
  fields?: {
    /**
     * Field of the secret that holds the client id: a name, or a dotted path. Default: known names.
     */
    clientId?: string;
    /**
     * Field of the secret that holds the client secret: a name, or a dotted path. Default: known names.
     */
    clientSecret?: string;
    /**
     * Field of the secret that holds the scopes: a name, or a dotted path. Default: known names.
     */
    scope?: string;
    /**
     * Field of the secret that holds the organisation: a name, or a dotted path. Default: known names.
     */
    orgId?: string;
  };
}
/**
 * A file of this machine.
 */
export interface FileCredentials {
  provider: 'file';
  /**
   * The file. With systemd's LoadCredential: `${CREDENTIALS_DIRECTORY}/name`. A path: absolute, `~/…`, or relative to the config file.
   */
  path: string;
  /**
   * Permissions of the file where something is written to it, octal, in quotes. Default: those that it has, else "0600".
   */
  mode?: string;
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Names of the fields of the secret, where they are not among those known.
   */
  fields?: {
    /**
     * Field of the secret that holds the client id: a name, or a dotted path. Default: known names.
     */
    clientId?: string;
    /**
     * Field of the secret that holds the client secret: a name, or a dotted path. Default: known names.
     */
    clientSecret?: string;
    /**
     * Field of the secret that holds the scopes: a name, or a dotted path. Default: known names.
     */
    scope?: string;
    /**
     * Field of the secret that holds the organisation: a name, or a dotted path. Default: known names.
     */
    orgId?: string;
  };
}
/**
 * Several providers; the next one is asked only past "not found" and "not configured".
 */
export interface ChainCredentials {
  provider: 'chain';
  /**
   * The providers, in their order.
   */
  providers: (
    | AwsSecretsManagerCredentials
    | VaultCredentials
    | AzureKeyVaultCredentials
    | EnvCredentials
    | FileCredentials
    | ModuleCredentials
  )[];
}
/**
 * A third party's provider. Only in a config named by --config or IMSVAULT_CONFIG.
 */
export interface ModuleCredentials {
  /**
   * Name of an npm module, or a path to a module relative to the config file: './my-provider.mjs'.
   */
  provider: `${string}/${string}` | `imsvault-${string}`;
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Names of the fields of the secret, where they are not among those known.
   */
  fields?: {
    /**
     * Field of the secret that holds the client id: a name, or a dotted path. Default: known names.
     */
    clientId?: string;
    /**
     * Field of the secret that holds the client secret: a name, or a dotted path. Default: known names.
     */
    clientSecret?: string;
    /**
     * Field of the secret that holds the scopes: a name, or a dotted path. Default: known names.
     */
    scope?: string;
    /**
     * Field of the secret that holds the organisation: a name, or a dotted path. Default: known names.
     */
    orgId?: string;
  };
  [k: string]: unknown;
}
/**
 * AWS Secrets Manager.
 */
export interface AwsSecretsManagerTokenStore {
  provider: 'aws-secrets-manager';
  /**
   * Name or ARN of the secret; its ARN where another account owns it. 1 to 2048 characters.
   */
  secretId: string;
  /**
   * Staging label of the version to read. 1 to 256 characters. Default AWSCURRENT.
   */
  versionStage?: string;
  /**
   * AWS region, such as eu-west-1. Default: the region in the secret's ARN, AWS_REGION, AWS_DEFAULT_REGION, or the profile's.
   */
  region?: string;
  /**
   * Address of Secrets Manager, a URL: a VPC endpoint or an emulator. Default AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL, or the region's.
   */
  endpoint?: string;
  /**
   * Accept http:// endpoints other than loopback. Risk: everybody on the way can read the secrets. Default false.
   */
  allowSecretsOverPlainHttp?: boolean;
  /**
   * Profile of ~/.aws/config and ~/.aws/credentials. Default AWS_PROFILE, else "default".
   */
  awsProfile?: string;
  /**
   * A role to assume with the credentials found first. Needs the package @aws-sdk/client-sts.
   */
  assumeRole?: {
    /**
     * ARN of the role to assume before the secret is read.
     */
    roleArn: string;
    /**
     * External id that the role's trust policy asks for. 2 to 1224 characters. Default none.
     */
    externalId?: string;
    /**
     * Name of the session, which CloudTrail shows. 2 to 64 characters. Default imsvault.
     */
    sessionName?: string;
    /**
     * How long the role's credentials live, in seconds. 900 to 43200, and at most 3600 where a role assumes another. Default 3600, set by AWS.
     */
    durationSeconds?: number;
  };
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Create the secret that holds the token where there is none. Default true.
   */
  create?: boolean;
  /**
   * What to do with a stored token of another identity: exchange one of its own and leave it, replace it (see identityRevision), or fail. Default exchange.
   */
  onMismatch?: 'exchange' | 'replace' | 'fail';
  /**
   * With onMismatch replace, only a stored token of a lower revision is replaced. Raise it with each change of endpoint, scopes, organisation or client. 0 or more. Default 0.
   */
  identityRevision?: number;
  /**
   * What to do without the store: exchange one of its own, or fail. Default exchange.
   */
  onUnavailable?: 'exchange' | 'fail';
}
/**
 * HashiCorp Vault or OpenBao.
 */
export interface VaultTokenStore {
  provider: 'vault';
  /**
   * URL of the server: https://vault.example.com:8200. Default VAULT_ADDR or BAO_ADDR.
   */
  address?: string;
  /**
   * Allows http:// to other hosts than this machine. Everybody on the way can then read the login and the secret, and use both. Default false.
   */
  allowSecretsOverPlainHttp?: boolean;
  /**
   * Namespace. Default VAULT_NAMESPACE or BAO_NAMESPACE, else none.
   */
  namespace?: string;
  /**
   * Where the KV secrets engine is mounted. Default secret.
   */
  mount?: string;
  /**
   * The secret below the mount, without "data/": ims/fusion.
   */
  path: string;
  /**
   * Version of the KV secrets engine, 1 or 2. Default: found out with the first read.
   */
  kvVersion?: number;
  /**
   * How many versions of a secret that imsvault writes are kept; KV version 2 only. Default: what the secret's metadata says, else 10.
   */
  maxVersions?: number;
  /**
   * When the server deletes a version of a secret that imsvault writes; KV version 2 only. Longer than the token lives: 1 min to 1 year. Default: left as it is.
   */
  deleteVersionAfter?: number | string;
  /**
   * How to log in. Default: method token.
   */
  auth?:
    | {
        /**
         * A token that somebody else made.
         */
        method: 'token';
        /**
         * The token. Default: tokenFile, else VAULT_TOKEN or BAO_TOKEN, else the file ~/.vault-token.
         */
        token?: string | Redacted<string>;
        /**
         * File with the token; read again when the server refuses the token. A path: absolute, `~/…`, or relative to the config file.
         */
        tokenFile?: string;
      }
    | {
        /**
         * A role id and a secret id.
         */
        method: 'approle';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default approle.
         */
        mount?: string;
        /**
         * Role id. This or roleIdFile is required.
         */
        roleId?: string;
        /**
         * File with the role id, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        roleIdFile?: string;
        /**
         * Secret id. Leave it out only for a role with bind_secret_id=false.
         */
        secretId?: string | Redacted<string>;
        /**
         * File with the secret id, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        secretIdFile?: string;
        /**
         * Whether secretId or secretIdFile holds a response-wrapping token instead, which is unwrapped once. Default false.
         */
        secretIdWrapped?: boolean;
      }
    | {
        /**
         * The pod's service account.
         */
        method: 'kubernetes';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default kubernetes.
         */
        mount?: string;
        /**
         * Role of the auth method.
         */
        role: string;
        /**
         * File with the service account token, read at each login. Default /var/run/secrets/kubernetes.io/serviceaccount/token.
         */
        jwtFile?: string;
      }
    | {
        /**
         * A JWT of an issuer that the server trusts, of a CI job for example.
         */
        method: 'jwt';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default jwt.
         */
        mount?: string;
        /**
         * Role of the auth method. Default: the method's own default role.
         */
        role?: string;
        /**
         * The JWT. This or jwtFile is required.
         */
        jwt?: string | Redacted<string>;
        /**
         * File with the JWT, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        jwtFile?: string;
      }
    | {
        /**
         * The TLS client certificate of tls.certFile and tls.keyFile.
         */
        method: 'cert';
        /**
         * Where the auth method is enabled, without "auth/" before it. Default cert.
         */
        mount?: string;
        /**
         * Name of the certificate role. Default: each that matches is tried.
         */
        role?: string;
      };
  /**
   * TLS to the server.
   */
  tls?: {
    /**
     * PEM file of the authorities to trust, instead of those of the system. Default VAULT_CACERT or BAO_CACERT. A path: absolute, `~/…`, or relative to the config file.
     */
    caFile?: string;
    /**
     * Folder of such PEM files, used where caFile is not set. Default VAULT_CAPATH or BAO_CAPATH. A path: absolute, `~/…`, or relative to the config file.
     */
    caPath?: string;
    /**
     * PEM file of the client certificate, with its chain. Default VAULT_CLIENT_CERT or BAO_CLIENT_CERT. A path: absolute, `~/…`, or relative to the config file.
     */
    certFile?: string;
    /**
     * PEM file of the client certificate's key. Default VAULT_CLIENT_KEY or BAO_CLIENT_KEY. A path: absolute, `~/…`, or relative to the config file.
     */
    keyFile?: string;
    /**
     * Name that the server's certificate must carry. Default VAULT_TLS_SERVER_NAME or BAO_TLS_SERVER_NAME, else the address's host.
     */
    serverName?: string;
  };
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Create the secret that holds the token where there is none. Default true.
   */
  create?: boolean;
  /**
   * What to do with a stored token of another identity: exchange one of its own and leave it, replace it (see identityRevision), or fail. Default exchange.
   */
  onMismatch?: 'exchange' | 'replace' | 'fail';
  /**
   * With onMismatch replace, only a stored token of a lower revision is replaced. Raise it with each change of endpoint, scopes, organisation or client. 0 or more. Default 0.
   */
  identityRevision?: number;
  /**
   * What to do without the store: exchange one of its own, or fail. Default exchange.
   */
  onUnavailable?: 'exchange' | 'fail';
}
/**
 * Azure Key Vault.
 */
export interface AzureKeyVaultTokenStore {
  provider: 'azure-key-vault';
  /**
   * The vault, an https:// URL: https://my-vault.vault.azure.net.
   */
  vaultUrl?: string;
  /**
   * Name of the one secret that holds the client id and the client secret, as JSON; in tokenStore, the token. Claims to renew a token go to a second secret, <secretName>-claim.
   */
  secretName?: string;
  /**
   * Disable older versions of a token that imsvault wrote, all but the last two; needs the permission to list. Default false.
   */
  disablePreviousVersions?: boolean;
  /**
   * How to log in at Entra ID. Default { method: default }.
   */
  auth?:
    | {
        /**
         * DefaultAzureCredential: tries each login that the SDK knows.
         */
        method: 'default';
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId?: string;
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * The identity of the VM, App Service, Function or Container App. System-assigned by default.
         */
        method: 'managed-identity';
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId?: string;
        /**
         * Resource id of a user-assigned identity, instead of clientId: /subscriptions/…/userAssignedIdentities/….
         */
        resourceId?: string;
      }
    | {
        /**
         * Federated token of a Kubernetes service account.
         */
        method: 'workload-identity';
        /**
         * Client id of the identity. Default AZURE_CLIENT_ID.
         */
        clientId?: string;
        /**
         * Entra tenant (a GUID). Default AZURE_TENANT_ID.
         */
        tenantId?: string;
        /**
         * File with the federated token, read at each login. Default AZURE_FEDERATED_TOKEN_FILE. A path: absolute, `~/…`, or relative to the config file.
         */
        tokenFile?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * An app registration with a client secret.
         */
        method: 'client-secret';
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId: string;
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId: string;
        /**
         * Client secret of the app registration at Entra; not the IMS client secret.
         */
        clientSecret?: string | Redacted<string>;
        /**
         * File with the client secret, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        clientSecretFile?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * An app registration with a certificate.
         */
        method: 'client-certificate';
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId: string;
        /**
         * Client id (application id) of the app registration or the user-assigned identity.
         */
        clientId: string;
        /**
         * PEM file with the certificate and its RSA private key, read at each login. At most 64 KiB. A path: absolute, `~/…`, or relative to the config file.
         */
        certificateFile: string;
        /**
         * Password of an encrypted private key.
         */
        certificatePassword?: string | Redacted<string>;
        /**
         * File with that password, read at each login. A path: absolute, `~/…`, or relative to the config file.
         */
        certificatePasswordFile?: string;
        /**
         * Entra login service, an https:// URL. Default AZURE_AUTHORITY_HOST, else https://login.microsoftonline.com. Other clouds: https://login.microsoftonline.us, https://login.partner.microsoftonline.cn.
         */
        authorityHost?: string;
      }
    | {
        /**
         * The account of `az login`; for laptops.
         */
        method: 'azure-cli';
        /**
         * Entra tenant: the id (a GUID) of the tenant that the vault belongs to.
         */
        tenantId?: string;
      };
  /**
   * Do not ask Microsoft whether authorityHost is one of its own. Only for private clouds and emulators. Default false.
   */
  disableInstanceDiscovery?: boolean;
  /**
   * Accept a vault that asks for a token of another service. Risk: tokens go to whatever resource the server asks for, so a wrong vaultUrl can collect a login. Only for private clouds and emulators. Default false.
   */
  disableChallengeResourceVerification?: boolean;
  /**
   * PEM file with a private authority, trusted for the vault and the login service besides the public ones. At most 1 MiB. A path: absolute, `~/…`, or relative to the config file.
   */
  caFile?: string;
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Create the secret that holds the token where there is none. Default true.
   */
  create?: boolean;
  /**
   * What to do with a stored token of another identity: exchange one of its own and leave it, replace it (see identityRevision), or fail. Default exchange.
   */
  onMismatch?: 'exchange' | 'replace' | 'fail';
  /**
   * With onMismatch replace, only a stored token of a lower revision is replaced. Raise it with each change of endpoint, scopes, organisation or client. 0 or more. Default 0.
   */
  identityRevision?: number;
  /**
   * What to do without the store: exchange one of its own, or fail. Default exchange.
   */
  onUnavailable?: 'exchange' | 'fail';
}
/**
 * A file of this machine.
 */
export interface FileTokenStore {
  provider: 'file';
  /**
   * The file. With systemd's LoadCredential: `${CREDENTIALS_DIRECTORY}/name`. A path: absolute, `~/…`, or relative to the config file.
   */
  path: string;
  /**
   * Permissions of the file where something is written to it, octal, in quotes. Default: those that it has, else "0600".
   */
  mode?: string;
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Create the secret that holds the token where there is none. Default true.
   */
  create?: boolean;
  /**
   * What to do with a stored token of another identity: exchange one of its own and leave it, replace it (see identityRevision), or fail. Default exchange.
   */
  onMismatch?: 'exchange' | 'replace' | 'fail';
  /**
   * With onMismatch replace, only a stored token of a lower revision is replaced. Raise it with each change of endpoint, scopes, organisation or client. 0 or more. Default 0.
   */
  identityRevision?: number;
  /**
   * What to do without the store: exchange one of its own, or fail. Default exchange.
   */
  onUnavailable?: 'exchange' | 'fail';
}
/**
 * A third party's provider. Only in a config named by --config or IMSVAULT_CONFIG.
 */
export interface ModuleTokenStore {
  /**
   * Name of an npm module, or a path to a module relative to the config file: './my-provider.mjs'.
   */
  provider: `${string}/${string}` | `imsvault-${string}`;
  /**
   * Bound on one read of the store. 100 ms to 2 min. Default 10s.
   */
  timeout?: number | string;
  /**
   * Create the secret that holds the token where there is none. Default true.
   */
  create?: boolean;
  /**
   * What to do with a stored token of another identity: exchange one of its own and leave it, replace it (see identityRevision), or fail. Default exchange.
   */
  onMismatch?: 'exchange' | 'replace' | 'fail';
  /**
   * With onMismatch replace, only a stored token of a lower revision is replaced. Raise it with each change of endpoint, scopes, organisation or client. 0 or more. Default 0.
   */
  identityRevision?: number;
  /**
   * What to do without the store: exchange one of its own, or fail. Default exchange.
   */
  onUnavailable?: 'exchange' | 'fail';
  [k: string]: unknown;
}
/**
 * When a token is renewed.
 */
export interface RenewalOptions {
  /**
   * Renew at the soft point even while nobody asks for a token; false: with the next call. Default true.
   */
  background?: boolean;
  /**
   * Earliest point of a renewal in the background, as a fraction of the token's life. Between 0 and 1. Default 0.8.
   */
  softFractionMin?: number;
  /**
   * Latest point; each process takes a random one between, so that they do not come together. Between 0 and 1. Default 0.9.
   */
  softFractionMax?: number;
  /**
   * Callers wait for a renewal from this long before expiry, but at most a tenth of the life. At most 24 h. Default 5m.
   */
  hardMargin?: number | string;
  /**
   * The token is not served any more from this long before expiry, but at most a twentieth of the life. At most 24 h. Default 1m.
   */
  floorMargin?: number | string;
}
/**
 * What `imsvault rotate` needs to know of the credential. Default none.
 */
export interface RotationOptions {
  /**
   * Number of the organisation, as in the URLs of the Developer Console: not `…@AdobeOrg`. 1 to 20 digits.
   */
  orgId: string | number;
  /**
   * Id of the OAuth Server-to-Server credential, as in the URLs of the Developer Console: not the client id. 1 to 64 letters, digits, _ and -.
   */
  credentialId: string | number;
  /**
   * Origin of Adobe's API for client secrets, an https:// URL; http:// for loopback only. Default https://api.adobe.io.
   */
  endpoint?: string;
  /**
   * Scopes of the token for that API: a list, or a text with commas or spaces between them. Default AdobeID, openid, read_organizations, additional_info.projectedProductContext, additional_info.roles, adobeio_api, read_client_secret, manage_client_secrets.
   */
  scope?: string | string[];
}
/**
 * What `imsvault serve` does with the profiles.
 */
export interface AgentOptions {
  /**
   * Where the agent listens: ADDRESS:PORT, or unix: and a path. One or a list of them. Default 127.0.0.1:7717.
   */
  listen?: string | string[];
  /**
   * Where /livez, /readyz and /metrics alone are served, to everybody who reaches it. Default: nowhere.
   */
  healthListen?: string | string[];
  /**
   * Permit addresses that other machines reach; takes `tls`. Default false.
   */
  allowRemote?: boolean;
  /**
   * Names by which clients reach a remote address, beside the address itself; without a port. Default none.
   */
  hostNames?: string[];
  /**
   * For every TCP address of `listen`. Default: clear text.
   */
  tls?: {
    /**
     * PEM file of the certificate, with its chain; read at the start and when it changes. A path: absolute, `~/…`, or relative to the config file.
     */
    certFile: string;
    /**
     * PEM file of the certificate's key; read at the start and when it changes. A path: absolute, `~/…`, or relative to the config file.
     */
    keyFile: string;
  };
  /**
   * Holds the access token that clients of the agent must show; made where it does not exist. Default: agent-token in $RUNTIME_DIRECTORY, else imsvault-agent-token in $XDG_RUNTIME_DIR. A path: absolute, `~/…`, or relative to the config file.
   */
  tokenFile?: string;
  /**
   * The permissions that it is made with, and the most that it may have; at most '0640'. Default '0600', with `group` '0640'. An octal number in quotes.
   */
  tokenFileMode?: string;
  /**
   * Group of the access token's file and of Unix sockets, which it may then use. Default: the agent's. A name or a number.
   */
  group?: string | number;
  /**
   * The profiles without whose token /readyz says 503. Default: all.
   */
  requiredProfiles?: string[];
  /**
   * Files that hold current tokens.
   *
   * Items: A file that holds the current token.
   */
  sinks?: {
    /**
     * The file to keep fresh; replaced as a whole. Its folder must exist. A path: absolute, `~/…`, or relative to the config file.
     */
    path: string;
    /**
     * Whose token. Default: the default profile.
     */
    profile?: string;
    /**
     * raw: the token alone; json: with its facts, as `imsvault token -o json`; env: an export line for a shell; dotenv: the same without `export`. Default raw.
     */
    format?: 'raw' | 'json' | 'env' | 'dotenv';
    /**
     * Name of the variable of env and dotenv. Default FUSION_ACCESS_TOKEN.
     */
    variable?: string;
    /**
     * An eta template that makes the content instead of a format. A template is code. A path: absolute, `~/…`, or relative to the config file.
     */
    template?: string;
    /**
     * The file's permissions, whatever the umask. Default '0600'. An octal number in quotes.
     */
    mode?: string;
    /**
     * The file's owner; takes the right to give files away. Default: the agent's user. A name or a number.
     */
    owner?: string | number;
    /**
     * The file's group. Default: the agent's. A name or a number.
     */
    group?: string | number;
  }[];
}
export interface ImsvaultProfiles {
  /**
   * Profiles by name; `profile`, `--profile` or `IMSVAULT_PROFILE` chooses one.
   */
  profiles: {
    [k: string]: ImsvaultProfile;
  };
  agent?: AgentOptions;
  /**
   * The profile to use where none is chosen.
   */
  defaultProfile?: string;
}
/**
 * One profile.
 */
export interface ImsvaultProfile {
  ims?: ImsOptions;
  credentials?: Credentials;
  tokenStore?: TokenStore;
  renewal?: RenewalOptions;
  rotation?: RotationOptions;
  /**
   * Keep the token in a file of this user, for further processes on this machine: true or false, also on and off. Default: true for the command line, false for the library.
   */
  cache?: boolean | ('0' | '1' | 'on' | 'off' | 'true' | 'false');
}
