import * as z from 'zod';
import { DEFAULT_EXCHANGE_RETRY } from '../ims/exchange.js';
import { DEFAULT_SCOPE, DEFAULT_TOKEN_ENDPOINT } from '../ims/token-request.js';
import { isLoopbackHost } from '../net/loopback.js';
import { durationOption, fileOption } from '../secret/option-types.js';
import { parseStringList } from '../string-list.js';
import { DEFAULT_RENEWAL } from '../token/renewal-schedule.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const scopeList = z.union([z.string(), z.array(z.string())]).transform((value, context) => {
  const list = parseStringList(value);
  if (list !== undefined && list.length > 0) return list;
  context.addIssue({ code: 'custom', message: 'must name at least one scope' });
  return z.NEVER;
});

const scope = scopeList.optional().meta({
  description: `Scopes to ask for: a list, or a text with commas or spaces between them. Default: those that the secret names, else ${DEFAULT_SCOPE.join(', ')}.`,
});

const text = (description: string) => z.string().trim().min(1).max(256).optional().meta({ description });

const retry = z
  .strictObject({
    maxAttempts: z.int().min(1).max(10).default(DEFAULT_EXCHANGE_RETRY.maxAttempts).meta({
      description: 'Requests in all, the first included. 1 to 10. Default 4.',
    }),
    baseDelay: durationOption(
      'Upper bound of the first random wait; it doubles with each further one. 1 ms to 1 min. Default 500ms.',
      {
        min: 1,
        max: MINUTE,
      },
    ).default(DEFAULT_EXCHANGE_RETRY.baseDelayMs),
    maxDelay: durationOption('Upper bound of any random wait. 1 ms to 5 min. Default 10s.', {
      min: 1,
      max: 5 * MINUTE,
    }).default(DEFAULT_EXCHANGE_RETRY.maxDelayMs),
    maxRetryAfter: durationOption("Upper bound on the server's Retry-After. At most 1 h. Default 30s.", {
      min: 0,
      max: 60 * MINUTE,
    }).default(DEFAULT_EXCHANGE_RETRY.maxRetryAfterMs),
  })
  .prefault({})
  .meta({ description: 'Retries after 429, 5xx and network failures. A rejection is never retried.' });

const requestPart = (description: string, seconds: number) =>
  durationOption(`${description} 10 ms to 5 min. Default ${seconds}s.`, { min: 10, max: 5 * MINUTE }).default(
    seconds * SECOND,
  );

export const imsOptions = z
  .strictObject({
    tokenEndpoint: z
      .string()
      .default(DEFAULT_TOKEN_ENDPOINT)
      .meta({
        description: `Where credentials are exchanged, an https:// URL; http:// for loopback only. Default ${DEFAULT_TOKEN_ENDPOINT}.`,
      }),
    allowSecretsOverPlainHttp: z.boolean().default(false).meta({
      description:
        'Accept an http:// token endpoint other than loopback. Risk: everybody on the way can read the client secret and the token. Default false.',
    }),
    scope,
    orgId: text('Organisation to ask for: …@AdobeOrg. Default: the one that the secret names, else none.'),
    clientId: text(
      'Client id that tokens are for: a credential or a shared token of another client is refused. Part of the identity of a shared token. Default: not fixed.',
    ),
    caFile: fileOption(
      'PEM file with further authorities to trust for the token endpoint, besides the public ones.',
    ).optional(),
    connectTimeout: requestPart('Bound on name look-up, TCP and TLS.', 5),
    headersTimeout: requestPart("Bound from the request's end to the answer's headers.", 10),
    bodyTimeout: requestPart("Bound between two pieces of the answer's body.", 5),
    requestTimeout: requestPart('Bound on one request, its connection included.', 20),
    timeout: durationOption('Bound on one exchange with all its retries. 100 ms to 10 min. Default 60s.', {
      min: 100,
      max: 10 * MINUTE,
    }).default(MINUTE),
    retry,
  })
  .superRefine(({ tokenEndpoint, allowSecretsOverPlainHttp }, context) => {
    const message = endpointProblem(tokenEndpoint, allowSecretsOverPlainHttp);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['tokenEndpoint'], message });
  })
  .meta({ description: 'Adobe IMS.' });

/** The URL itself is never repeated: it may hold a login. */
export function endpointProblem(value: string, allowPlainHttp: boolean): string | undefined {
  if (!URL.canParse(value)) return 'must be an https:// URL';
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an https:// URL';
  if (url.username !== '' || url.password !== '') return 'must hold no user name and no password';
  // IMS takes the credential in the body; what stands in a URL is logged on the way.
  if (url.search !== '' || url.hash !== '') return 'must have no query and no fragment';
  if (url.protocol === 'http:' && !allowPlainHttp && !isLoopbackHost(url.hostname)) {
    return 'must start with https://; plain http would show the client secret to everybody on the way (allowSecretsOverPlainHttp: true takes the risk)';
  }
  return undefined;
}

const fraction = z.number().gt(0).lt(1);

export const renewalOptions = z
  .strictObject({
    background: z.boolean().default(DEFAULT_RENEWAL.background).meta({
      description:
        'Renew at the soft point even while nobody asks for a token; false: with the next call. Default true.',
    }),
    softFractionMin: fraction.default(DEFAULT_RENEWAL.softFractionMin).meta({
      description:
        "Earliest point of a renewal in the background, as a fraction of the token's life. Between 0 and 1. Default 0.8.",
    }),
    softFractionMax: fraction.default(DEFAULT_RENEWAL.softFractionMax).meta({
      description:
        'Latest point; each process takes a random one between, so that they do not come together. Between 0 and 1. Default 0.9.',
    }),
    hardMargin: durationOption(
      'Callers wait for a renewal from this long before expiry, but at most a tenth of the life. At most 24 h. Default 5m.',
      { min: 0, max: 1440 * MINUTE },
    ).default(DEFAULT_RENEWAL.hardMarginMs),
    floorMargin: durationOption(
      'The token is not served any more from this long before expiry, but at most a twentieth of the life. At most 24 h. Default 1m.',
      { min: 0, max: 1440 * MINUTE },
    ).default(DEFAULT_RENEWAL.floorMarginMs),
  })
  .superRefine(({ softFractionMin, softFractionMax }, context) => {
    if (softFractionMin <= softFractionMax) return;
    context.addIssue({ code: 'custom', path: ['softFractionMin'], message: 'must not be above softFractionMax' });
  })
  .meta({ description: 'When a token is renewed.' });

/** Also as people write it into a variable. */
const SWITCH: Readonly<Record<string, boolean>> = { on: true, true: true, 1: true, off: false, false: false, 0: false };

export const cacheOption = z
  .union([z.boolean(), z.enum(['on', 'off', 'true', 'false', '1', '0'])])
  .transform((value) => SWITCH[String(value)] as boolean)
  .optional()
  .meta({
    description:
      'Keep the token in a file of this user, for further processes on this machine: true or false, also on and off. Default: true for the command line, false for the library.',
  });
