import { ConfigInvalidError, type ConfigProblem } from '../errors.js';
import { isJsonObject } from '../json.js';
import { redact } from '../redacted.js';
import type { Credential } from '../secret/credential.js';

/** What `generateAccessToken` takes: the credential itself, or a Runtime action's params with it in `__ims_oauth_s2s`. */
export interface AccessTokenParams {
  clientId?: string;
  client_id?: string;
  clientSecret?: string;
  client_secret?: string;
  /** `…@AdobeOrg`. */
  orgId?: string;
  org_id?: string;
  /** Scopes to ask for; their order does not matter. Not changed. Default: the request names none. */
  scopes?: readonly string[];
  /** A credential that Adobe's Runtime puts here, for the annotation `include-ims-credentials`. */
  __ims_oauth_s2s?: unknown;
  /** `prod` or `stage`, put here by Adobe's Runtime. */
  __ims_env?: string;
  [input: string]: unknown;
}

type AioCredential = Credential & Required<Pick<Credential, 'scope' | 'orgId'>>;

/**
 * The credential in `params` itself, else that in `params.__ims_oauth_s2s`.
 * @throws ERR_CONFIG_INVALID with everything that is wrong with `params` itself; no value is in it
 */
export function credentialFromParams(params: unknown): AioCredential {
  const own = readCredential(params);
  if (!Array.isArray(own)) return own;
  const fromRuntime = isJsonObject(params) ? readCredential(params.__ims_oauth_s2s) : own;
  if (!Array.isArray(fromRuntime)) return fromRuntime;
  throw new ConfigInvalidError(own, {
    hint: 'Pass clientId, clientSecret and orgId, or set the annotation include-ims-credentials on the Runtime action.',
  });
}

/** `stage` is the stage; whatever else is asked for is production. Without a wish a development namespace means stage. */
export function isStage(params: unknown, imsEnv: string | undefined, namespace: string | undefined): boolean {
  const asked = imsEnv || (isJsonObject(params) ? params.__ims_env : undefined);
  return asked ? asked === 'stage' : namespace?.startsWith('development-') === true;
}

function readCredential(value: unknown): AioCredential | ConfigProblem[] {
  if (!isJsonObject(value)) return [{ path: '', message: 'the credential must be an object' }];
  const problems: ConfigProblem[] = [];

  const text = (name: string, alias: string): string => {
    const found = value[name] || value[alias];
    if (typeof found === 'string' && found !== '') return found;
    problems.push({ path: name, message: found ? `must be a text, not a ${typeof found}` : 'is missing' });
    return '';
  };

  const clientId = text('clientId', 'client_id');
  const clientSecret = text('clientSecret', 'client_secret');
  const orgId = text('orgId', 'org_id');
  const scopes: unknown = value.scopes || [];
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) {
    return [...problems, { path: 'scopes', message: 'must be a list of texts' }];
  }
  return problems.length > 0
    ? problems
    : { clientId, clientSecrets: [redact(clientSecret)], orgId, scope: scopes.toSorted() };
}
