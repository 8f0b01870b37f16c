import { isLoopbackHost } from '../net/loopback.js';
import { type Env, referencesIn } from './interpolate.js';
import { dotted, getAt, isObject, type JsonObject, type Path } from './tree.js';

/** Something that a config file may say only where its user named that file. */
interface TrustRule {
  /** `ims`, or the provider whose option it is. */
  owner: string;
  option: string;
  /** Values that a file found by search may have too. */
  allows: (value: unknown, env: Env) => boolean;
  risk: string;
  /** Whether the option is a URL, which must not carry the environment's values away. */
  url?: boolean;
}

const never = () => false;
const onlyFalse = (value: unknown) => value === false || value === 'false';

/** An https URL whose host matches, or a URL of this machine. What is no URL is not allowed. */
const hosts = (pattern: RegExp) => (value: unknown) => {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  if (protocol !== 'https:' && protocol !== 'http:') return false;
  return isLoopbackHost(hostname) || (protocol === 'https:' && pattern.test(hostname));
};

const isLoopback = hosts(/(?!)/);

/** The same server as the environment's own address. */
function isOwnVault(value: unknown, env: Env): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  return [env.VAULT_ADDR, env.BAO_ADDR].some(
    (own) => own !== undefined && URL.canParse(own) && new URL(own).origin === new URL(value).origin,
  );
}

const SECRET_LEAVES = 'the client secret would be sent there';
const LOGIN_LEAVES = 'a login would be sent there';
const FOREIGN_AUTHORITY = 'whoever holds that authority could read what is sent';
const PLAIN_HTTP = 'everybody on the way could read the secret';

const RULES: readonly TrustRule[] = [
  { owner: 'ims', option: 'tokenEndpoint', allows: hosts(/\.adobelogin\.com$/), risk: SECRET_LEAVES, url: true },
  { owner: 'ims', option: 'caFile', allows: never, risk: FOREIGN_AUTHORITY },
  { owner: 'ims', option: 'allowSecretsOverPlainHttp', allows: onlyFalse, risk: PLAIN_HTTP },
  {
    owner: 'vault',
    option: 'address',
    allows: (value, env) => isLoopback(value) || isOwnVault(value, env),
    risk: LOGIN_LEAVES,
    url: true,
  },
  { owner: 'vault', option: 'allowSecretsOverPlainHttp', allows: onlyFalse, risk: PLAIN_HTTP },
  { owner: 'vault', option: 'tls.caFile', allows: never, risk: FOREIGN_AUTHORITY },
  { owner: 'vault', option: 'tls.caPath', allows: never, risk: FOREIGN_AUTHORITY },
  {
    owner: 'vault',
    option: 'tls.serverName',
    allows: never,
    risk: 'a certificate of another server would be accepted',
  },
  {
    owner: 'aws-secrets-manager',
    option: 'endpoint',
    // Not every host below amazonaws.com: customers' own servers and load balancers are there too.
    allows: hosts(/(^|\.)secretsmanager(-fips)?\.[a-z0-9-]+\.(vpce\.)?(amazonaws\.com(\.cn)?|api\.aws)$/),
    risk: LOGIN_LEAVES,
    url: true,
  },
  { owner: 'aws-secrets-manager', option: 'allowSecretsOverPlainHttp', allows: onlyFalse, risk: PLAIN_HTTP },
  {
    owner: 'azure-key-vault',
    option: 'vaultUrl',
    allows: hosts(/\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)$/),
    risk: LOGIN_LEAVES,
    url: true,
  },
  {
    owner: 'azure-key-vault',
    option: 'auth.authorityHost',
    allows: hosts(/^login\.(microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn|chinacloudapi\.cn)$/),
    risk: LOGIN_LEAVES,
    url: true,
  },
  { owner: 'azure-key-vault', option: 'caFile', allows: never, risk: FOREIGN_AUTHORITY },
  { owner: 'azure-key-vault', option: 'disableInstanceDiscovery', allows: onlyFalse, risk: LOGIN_LEAVES },
  { owner: 'azure-key-vault', option: 'disableChallengeResourceVerification', allows: onlyFalse, risk: LOGIN_LEAVES },
];

const REMEDY = 'name the file by --config or IMSVAULT_CONFIG if you trust it';

export interface TrustQuestion {
  /** The profile with everything resolved. */
  resolved: unknown;
  /** The profile as it stands in the file. */
  raw: unknown;
  env: Env;
  /** Whether a flag or a variable gave the value: then its user meant it. */
  isExplicit: (path: Path) => boolean;
}

/** What a file found by search may not say. */
export function findDistrusted({ resolved, raw, env, isExplicit }: TrustQuestion): { path: Path; message: string }[] {
  return groups(resolved).flatMap(({ owner, path: base }) =>
    RULES.filter((rule) => rule.owner === owner).flatMap((rule) => {
      const path = [...base, ...rule.option.split('.')];
      const value = getAt(resolved, path);
      if (value === undefined || isExplicit(path)) return [];
      const text = getAt(raw, path);
      if (rule.url === true && typeof text === 'string' && referencesIn(text).any) {
        const message = 'a file found by search may not put variables into a URL';
        return [{ path, message: `${message}, which could carry them away; ${REMEDY}` }];
      }
      if (rule.allows(value, env)) return [];
      return [{ path, message: `a file found by search may not set this, because ${rule.risk}; ${REMEDY}` }];
    }),
  );
}

/** A third party's module in a file found by search: naming it would run its code. */
export const FOREIGN_MODULE = `a file found by search may not load a third party's module, because its code would run; ${REMEDY}`;

/** `ims`, and each block with a provider. */
function groups(profile: unknown): { owner: string; path: Path }[] {
  const block = (path: Path): { owner: string; path: Path }[] => {
    const value = getAt(profile, path);
    if (!isObject(value)) return [];
    const links = value.provider === 'chain' && Array.isArray(value.providers) ? value.providers : [];
    return [
      ...(typeof value.provider === 'string' ? [{ owner: value.provider, path }] : []),
      ...links.flatMap((_link: JsonObject, index) => block([...path, 'providers', index])),
    ];
  };
  return [{ owner: 'ims', path: ['ims'] }, ...block(['credentials']), ...block(['tokenStore'])];
}

/** For the documentation. */
export const guardedOptions = (): string[] => RULES.map(({ owner, option }) => dotted([owner, option]));
