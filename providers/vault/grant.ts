import * as z from 'zod';
import { ImsvaultError } from '../../src/errors.js';
import { type Redacted, redact, reveal } from '../../src/redacted.js';
import type { ProviderContext } from '../../src/secret/provider.js';
import { unavailable } from './answer-error.js';
import type { VaultAnswer } from './transport.js';

/** A client token as the server gave it. */
export interface Grant {
  token: Redacted<string>;
  /** Milliseconds from when it was asked for; Infinity for one that never lapses; undefined where nobody has asked yet. */
  lifeMs: number | undefined;
  renewable: boolean;
}

const authAnswer = z.object({
  auth: z.object({
    client_token: z.string().regex(/^[\x21-\x7e]+$/),
    lease_duration: z.number().min(0),
    renewable: z.boolean(),
  }),
});

/** The token in the answer of a login or a renewal. A lease of 0 seconds is one that never ends. */
export function grantOf(answer: VaultAnswer, place: string, context: ProviderContext): Grant {
  const parsed = authAnswer.safeParse(answer.body);
  if (!parsed.success) throw unavailable(answer, place, context.clock.now());
  const { client_token: token, lease_duration: seconds, renewable } = parsed.data.auth;
  return { token: redact(token), lifeMs: seconds === 0 ? Infinity : seconds * 1000, renewable };
}

/** @throws ERR_SECRET_MALFORMED when it could not be sent in a header */
export function checkedToken(token: Redacted<string>, option: string): Redacted<string> {
  const trimmed = reveal(token).trim();
  if (/^[\x21-\x7e]+$/.test(trimmed)) return redact(trimmed);
  throw new ImsvaultError(
    'ERR_SECRET_MALFORMED',
    `${option}: it is not a token: it has white space or other characters`,
  );
}
