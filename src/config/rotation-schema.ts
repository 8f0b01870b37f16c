import * as z from 'zod';
import { isLoopbackHost } from '../net/loopback.js';
import { endpointProblem, scopeList } from './schema.js';

const DEFAULT_ROTATION_ENDPOINT = 'https://api.adobe.io';

/** What Adobe's API for client secrets asks for. Source: Adobe's documentation of credential rotation by API. */
const ROTATION_SCOPE: readonly string[] = [
  'AdobeID',
  'openid',
  'read_organizations',
  'additional_info.projectedProductContext',
  'additional_info.roles',
  'adobeio_api',
  'read_client_secret',
  'manage_client_secrets',
];

const id = (description: string, pattern: RegExp, shape: string) =>
  z
    .union([z.string(), z.int()])
    .transform((value, context) => {
      const text = String(value).trim();
      if (pattern.test(text)) return text;
      context.addIssue({ code: 'custom', message: `must be ${shape}` });
      return z.NEVER;
    })
    .meta({ description });

export const rotationOptions = z
  .strictObject({
    orgId: id(
      'Number of the organisation, as in the URLs of the Developer Console: not `…@AdobeOrg`. 1 to 20 digits.',
      /^\d{1,20}$/,
      'the number of the organisation in the Developer Console, not …@AdobeOrg',
    ),
    credentialId: id(
      'Id of the OAuth Server-to-Server credential, as in the URLs of the Developer Console: not the client id. 1 to 64 letters, digits, _ and -.',
      /^[\w-]{1,64}$/,
      'the id of the credential in the Developer Console: 1 to 64 letters, digits, _ and -',
    ),
    endpoint: z
      .string()
      .default(DEFAULT_ROTATION_ENDPOINT)
      .meta({
        description: `Origin of Adobe's API for client secrets, an https:// URL; http:// for loopback only. Default ${DEFAULT_ROTATION_ENDPOINT}.`,
      }),
    scope: scopeList.default([...ROTATION_SCOPE]).meta({
      description: `Scopes of the token for that API: a list, or a text with commas or spaces between them. Default ${ROTATION_SCOPE.join(', ')}.`,
    }),
  })
  .superRefine(({ endpoint }, context) => {
    const message = originProblem(endpoint);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['endpoint'], message });
  })
  .meta({ description: 'What `imsvault rotate` needs to know of the credential. Default none.' });

/** A token that may delete client secrets goes there. */
function originProblem(value: string): string | undefined {
  const problem = endpointProblem(value, true);
  if (problem !== undefined) return problem;
  const { protocol, hostname, pathname } = new URL(value);
  if (protocol === 'http:' && !isLoopbackHost(hostname)) return 'must start with https://';
  return pathname === '/' ? undefined : 'must be an origin, without a path';
}
