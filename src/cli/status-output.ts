import { formatDuration } from '../duration.js';
import { REJECTION_HINTS } from '../ims/token-response.js';
import { printable, printableName } from '../terminal-text.js';
import type { SharedFailure } from '../token/fleet/token-document.js';
import type { StatusReport } from './commands/status.js';
import { errorDocument } from './print-error.js';
import type { JudgedToken, StoredFacts } from './token-facts.js';

const iso = (time: number) => new Date(time).toISOString();

/** `2030-01-01T00:00:00.000Z, in 23 h 4 min` */
function when(time: number, now: number): string {
  return `${iso(time)}, ${time >= now ? `in ${formatDuration(time - now)}` : `${formatDuration(now - time)} ago`}`;
}

function failureHint({ code }: SharedFailure): string {
  return REJECTION_HINTS.get(code) ?? 'imsvault doctor tries each step and says what to do.';
}

/** One profile as JSON; never the token. */
export function reportDocument({ profile, usable, cached, stored, error }: StatusReport, now: number): object {
  return {
    ...(profile === undefined ? {} : { profile }),
    usable,
    ...(cached === undefined ? {} : { cached: tokenDocument(cached) }),
    ...(stored === undefined ? {} : { token_store: storeDocument(stored, now) }),
    ...(error === undefined ? {} : { error: errorDocument(error) }),
  };
}

function tokenDocument({ clientId, scope, issuedAt, expiresAt, phase, renewsAt, hardAt, leftMs }: JudgedToken): object {
  return {
    phase,
    client_id: clientId,
    scope: scope.join(','),
    issued_at: iso(issuedAt),
    expires_at: iso(expiresAt),
    expires_in: Math.max(0, Math.floor(leftMs / 1000)),
    renews_at: iso(renewsAt),
    hard_at: iso(hardAt),
  };
}

function storeDocument({ place, generation, token, claimTtlMs, lastFailure }: StoredFacts, now: number): object {
  return {
    place,
    generation,
    ...(token === undefined ? {} : { token: tokenDocument(token), age: Math.floor((now - token.issuedAt) / 1000) }),
    ...(claimTtlMs === undefined ? {} : { renewal: { ttl: claimTtlMs / 1000 } }),
    ...(lastFailure === undefined
      ? {}
      : {
          last_failure: {
            code: lastFailure.code,
            count: lastFailure.count,
            retry_after: lastFailure.retryAfterMs / 1000,
            hint: failureHint(lastFailure),
          },
        }),
  };
}

/** One profile as text: a row for each thing that is known. */
export function formatReport(report: StatusReport, now: number): string {
  const { profile, cached, stored, error } = report;
  const rows: [string, string][] = [['profile', profile === undefined ? '(the only one)' : printableName(profile)]];
  if (cached !== undefined) rows.push(['cached here', 'a token'], ...tokenRows(cached, now));
  if (stored !== undefined) rows.push(...storeRows(stored, now));
  else if (error === undefined) rows.push(['token store', 'none: each process exchanges for itself']);
  if (error !== undefined) {
    const { code, message, hint } = errorDocument(error);
    rows.push(['error', `${code}: ${message}`]);
    if (hint !== undefined) rows.push(['', `→ ${hint}`]);
  }
  return rows.map(([name, value]) => `${`${name.padEnd(13)} ${printable(value)}`.trimEnd()}\n`).join('');
}

function storeRows(
  { place, generation, token, claimTtlMs, lastFailure }: StoredFacts,
  now: number,
): [string, string][] {
  const rows: [string, string][] = [['token store', place]];
  if (token === undefined) rows.push(['token', 'none yet']);
  else rows.push(['generation', String(generation)], ...tokenRows(token, now));
  if (claimTtlMs !== undefined) {
    rows.push(['renewal', `claimed by a process; given up where it stands still for ${formatDuration(claimTtlMs)}`]);
  }
  if (lastFailure !== undefined) {
    const { code, count, retryAfterMs } = lastFailure;
    rows.push(['last failure', `${code}, ${count} in a row; all wait ${formatDuration(retryAfterMs)}`]);
    rows.push(['', `→ ${failureHint(lastFailure)}`]);
  }
  return rows;
}

function tokenRows(token: JudgedToken, now: number): [string, string][] {
  return [
    ['client id', token.clientId],
    ['scope', token.scope.join(',')],
    ['issued', when(token.issuedAt, now)],
    ['expires', when(token.expiresAt, now)],
    ['renews from', `${when(token.renewsAt, now)} (${token.phase})`],
  ];
}

/** One profile as one line. */
export function formatCheck({ profile, usable, cached, stored, error }: StatusReport, now: number): string {
  const token = longer(cached, stored?.token);
  const life = token === undefined ? undefined : `expires ${when(token.expiresAt, now)}`;
  const why = error === undefined ? (life ?? 'no token is there') : String(errorDocument(error).message);
  const name = profile === undefined ? '' : `${profile}: `;
  return `${printable(`${name}${usable ? `usable, ${life}` : `not usable: ${why}`}`).replaceAll('\n', ' ')}\n`;
}

function longer(a: JudgedToken | undefined, b: JudgedToken | undefined): JudgedToken | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.expiresAt >= b.expiresAt ? a : b;
}
