import { realpathSync } from 'node:fs';
import { sep } from 'node:path';
import { isLoopbackHost } from '../net/loopback.js';
import { resolvePath } from '../secret/secret-file.js';
import { namesFile } from './files-named.js';
import { type Env, referencesIn } from './interpolate.js';
import { dotted, getAt, isObject, type Path } from './tree.js';

/** Something that a config file may say only where its user named that file. */
interface TrustRule {
  /** `ims`, `rotation`, or the provider whose option it is. */
  owner: string;
  option: string;
  /** Values that a file found by search may have too. */
  allows: (value: unknown, env: Env) => boolean;
  risk: string;
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

const onlyAdobe = (value: unknown) => value === 'https://api.adobe.io';

const isLoopback = hosts(/(?!)/);

/** The environment's own address, where it has one; else a server of this machine. */
function isOwnVault(value: unknown, env: Env): boolean {
  const own = [env.VAULT_ADDR, env.BAO_ADDR].filter((address) => address);
  if (own.length === 0) return isLoopback(value);
  return own.some((address) => plainUrl(address) !== undefined && plainUrl(address) === plainUrl(value));
}

/** With its path: below one host there may be servers of several owners. */
function plainUrl(value: unknown): string | undefined {
  return typeof value === 'string' && URL.canParse(value) ? new URL(value).href.replace(/\/+$/, '') : undefined;
}

const SECRET_LEAVES = 'the client secret would be sent there';
const TOKEN_LEAVES = 'a token that may delete client secrets would be sent there';
const LOGIN_LEAVES = 'a login would be sent there';
const FOREIGN_AUTHORITY = 'whoever holds that authority could read what is sent';
const PLAIN_HTTP = 'everybody on the way could read the secret';

const RULES: readonly TrustRule[] = [
  { owner: 'ims', option: 'tokenEndpoint', allows: hosts(/\.adobelogin\.com$/), risk: SECRET_LEAVES },
  { owner: 'ims', option: 'caFile', allows: never, risk: FOREIGN_AUTHORITY },
  { owner: 'ims', option: 'allowSecretsOverPlainHttp', allows: onlyFalse, risk: PLAIN_HTTP },
  { owner: 'rotation', option: 'endpoint', allows: onlyAdobe, risk: TOKEN_LEAVES },
  {
    owner: 'vault',
    option: 'address',
    allows: isOwnVault,
    risk: LOGIN_LEAVES,
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
    allows: hosts(/(^|\.)secretsmanager(-fips)?\.[a-z]{2}(-[a-z]+)+-\d+\.(vpce\.)?(amazonaws\.com(\.cn)?|api\.aws)$/),
    risk: LOGIN_LEAVES,
  },
  { owner: 'aws-secrets-manager', option: 'allowSecretsOverPlainHttp', allows: onlyFalse, risk: PLAIN_HTTP },
  {
    owner: 'aws-secrets-manager',
    option: 'assumeRole',
    allows: never,
    risk: "a role of another's account could be used",
  },
  {
    owner: 'azure-key-vault',
    option: 'vaultUrl',
    allows: hosts(/\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)$/),
    risk: LOGIN_LEAVES,
  },
  {
    owner: 'azure-key-vault',
    option: 'auth.authorityHost',
    allows: hosts(/^login\.(microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn|chinacloudapi\.cn)$/),
    risk: LOGIN_LEAVES,
  },
  { owner: 'azure-key-vault', option: 'caFile', allows: never, risk: FOREIGN_AUTHORITY },
  { owner: 'azure-key-vault', option: 'disableInstanceDiscovery', allows: onlyFalse, risk: LOGIN_LEAVES },
  { owner: 'azure-key-vault', option: 'disableChallengeResourceVerification', allows: onlyFalse, risk: LOGIN_LEAVES },
];

export const REMEDY = 'name the file by --config or IMSVAULT_CONFIG if you trust it';

export interface TrustQuestion {
  /** The profile with everything resolved. */
  resolved: unknown;
  /** The profile as it stands in the file. */
  raw: unknown;
  env: Env;
  /** The file's folder. */
  baseDir: string;
  /** Whether a flag or a variable gave the value: then its user meant it. */
  isExplicit: (path: Path) => boolean;
}

/** What a file found by search may not say. */
export function findDistrusted(question: TrustQuestion): { path: Path; message: string }[] {
  const { resolved, isExplicit } = question;
  const store: Path = ['tokenStore'];
  const namesStore = getAt(resolved, store) !== undefined && !isExplicit([...store, 'provider']);
  return [
    ...(namesStore ? [{ path: store, message: FOREIGN_STORE }] : []),
    ...groups(resolved).flatMap((group) => [
      ...variablesIn(group, question),
      ...byRules(group, question),
      ...filesIn(group, question),
    ]),
    ...namesForLoopback(question),
  ];
}

interface Group {
  /** `ims`, `rotation`, or a provider. */
  owner: string;
  path: Path;
}

type Found = { path: Path; message: string }[];

function byRules({ owner, path: base }: Group, { resolved, env, isExplicit }: TrustQuestion): Found {
  return RULES.filter((rule) => rule.owner === owner).flatMap((rule) => {
    const path = [...base, ...rule.option.split('.')];
    const value = getAt(resolved, path);
    if (value === undefined || isExplicit(path) || rule.allows(value, env)) return [];
    return [{ path, message: `a file found by search may not set this, because ${rule.risk}; ${REMEDY}` }];
  });
}

/** Options whose value no server but the user's own gets to see. */
const MAY_HOLD_VARIABLES: readonly RegExp[] = [
  /^vault\.(path|mount|namespace|auth\..*)$/,
  /^rotation\.(orgId|credentialId|scope)$/,
  /^ims\.(scope|orgId|clientId|timeout|.*Timeout|retry\..*)$/,
  /\.auth\.(clientSecret|certificatePassword)$/,
  // Which files these may be is another rule.
  /^file\.path$/,
];

/** A name in a request, like a host, tells its server whatever the variable holds. */
function variablesIn({ owner, path: base }: Group, { raw, isExplicit }: TrustQuestion): Found {
  return leaves(getAt(raw, base)).flatMap(({ path: below, value }) => {
    const path = [...base, ...below];
    const isLink = below[0] === 'providers';
    if (isLink || isExplicit(path) || !referencesIn(value).any) return [];
    if (MAY_HOLD_VARIABLES.some((pattern) => pattern.test(dotted([owner, ...below])))) return [];
    const message = `a file found by search may not put variables here, which could carry them away; ${REMEDY}`;
    return [{ path, message }];
  });
}

/** Where Docker, Podman, Kubernetes and systemd put what a program may read. */
const MOUNTED = ['/run/secrets', '/var/run/secrets', '/run/credentials'];

/** The content of a file that the config names is sent to a server that it names too. */
function filesIn({ owner, path: base }: Group, { resolved, baseDir, isExplicit }: TrustQuestion): Found {
  return leaves(getAt(resolved, base)).flatMap(({ path: below, value }) => {
    const path = [...base, ...below];
    const key = String(below.at(-1));
    if (below[0] === 'providers' || isExplicit(path) || !namesFile(owner, key)) return [];
    const file = realPath(resolvePath(value, baseDir));
    if ([realPath(baseDir), ...MOUNTED].some((folder) => file.startsWith(`${folder}${sep}`))) return [];
    const message = `a file found by search may name files of its own folder and ${MOUNTED.join(', ')} only; ${REMEDY}`;
    return [{ path, message }];
  });
}

/** Adobe may be sent a wrong variable or mounted file; what listens on this machine may be anybody's. */
function namesForLoopback({ resolved, baseDir, isExplicit }: TrustQuestion): Found {
  const endpoint: Path = ['ims', 'tokenEndpoint'];
  if (isExplicit(endpoint) || !isLoopback(getAt(resolved, endpoint))) return [];
  const isElsewhere = (file: unknown) =>
    typeof file === 'string' && !realPath(resolvePath(file, baseDir)).startsWith(`${realPath(baseDir)}${sep}`);
  const message = `a file found by search that sets ims.tokenEndpoint may not name variables or mounted files too; ${REMEDY}`;
  return groups(resolved).flatMap(({ owner, path: base }) => {
    const names = owner === 'env' ? ['clientId', 'clientSecret'] : [];
    const files = owner === 'env' ? ['dotenv'] : owner === 'file' ? ['path'] : [];
    const given = (key: string) => getAt(resolved, [...base, key]);
    return [...names.filter((key) => given(key) !== undefined), ...files.filter((key) => isElsewhere(given(key)))]
      .map((key) => [...base, key])
      .filter((path) => !isExplicit(path))
      .map((path) => ({ path, message }));
  });
}

/** A link leads out of the folder as well as a path does; what is not there leads nowhere. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function leaves(value: unknown, path: Path = []): { path: Path; value: string }[] {
  if (typeof value === 'string') return [{ path, value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) =>
    leaves(below, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** Also by a name: that of another account's secret, or through a role of another's, is a place of the file's choosing. */
const FOREIGN_STORE = `a file found by search may not name a token store, because the token would be written there; ${REMEDY}`;

/** A third party's module in a file found by search: naming it would run its code. */
export const FOREIGN_MODULE = `a file found by search may not load a third party's module, because its code would run; ${REMEDY}`;

/** `ims`, `rotation`, and each block with a provider. */
function groups(profile: unknown): Group[] {
  const block = (path: Path): Group[] => {
    const value = getAt(profile, path);
    if (!isObject(value)) return [];
    const links = value.provider === 'chain' && Array.isArray(value.providers) ? value.providers : [];
    return [
      ...(typeof value.provider === 'string' ? [{ owner: value.provider, path }] : []),
      ...links.flatMap((_link, index) => block([...path, 'providers', index])),
    ];
  };
  return [{ owner: 'ims', path: ['ims'] }, { owner: 'rotation', path: ['rotation'] }, ...block(['credentials'])];
}

/** For the documentation. */
export const guardedOptions = (): string[] => [
  'tokenStore',
  ...RULES.map(({ owner, option }) => dotted([owner, option])),
];
