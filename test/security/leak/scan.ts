import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { renderings } from '../../support/leaks.js';
import type { Outlet } from './outlets.js';

/** One secret that is looked for, with the kind that a report names it by. */
export interface Marked {
  readonly kind: string;
  readonly value: string;
}

/** A place where text came out. */
export interface Seen {
  readonly channel: string;
  readonly text: string;
}

/** A value of this run alone. The odd characters make each encoding another text. */
export const newMarker = (kind: string): string => `p8e-${kind}-${randomBytes(15).toString('base64url')}/+~%é"`;
/** For places that take letters and digits only. */
export const newPlainMarker = (kind: string): string => `${kind}${randomBytes(16).toString('hex')}`;

/** A long secret may come out cut off; this many of its characters come by no chance. */
const PIECE = 24;

/** Base64 of a longer text that holds `secret`, whatever stands before it: what is sure of its letters. */
function base64Within(secret: string): string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString('base64');
    const sure = text.replace(/=+$/, '').slice(Math.ceil((before * 4) / 3), -1);
    return sure.slice(0, sure.length - (sure.length % 4));
  });
}

/** Everything by which a secret can be read from a text. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const base64 = base64Within(secret);
  const middle = Math.floor((secret.length - PIECE) / 2);
  const forms = [
    secret,
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    hex,
    // As util.inspect shows a Buffer.
    (hex.match(/../g) ?? []).join(' '),
    encodeURIComponent(secret),
    encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
    new URLSearchParams({ '': secret }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret)).slice(3, -3),
    inspect(secret).slice(1, -1),
    ...(secret.length > PIECE ? [secret.slice(middle, middle + PIECE)] : []),
  ];
  return [...new Set(forms.flatMap((form) => [form, form.toLowerCase(), form.toUpperCase()]))];
}

/** What came out, and where: `a client secret in stderr of imsvault token`, with what stands around it. */
export function findLeaks(marked: readonly Marked[], seen: readonly Seen[]): string[] {
  const wanted = new Map<string, string>();
  for (const { kind, value } of marked) for (const form of formsOf(value)) wanted.set(form, kind);
  return seen.flatMap(({ channel, text }) =>
    [...wanted].flatMap(([form, kind]) => {
      const at = text.indexOf(form);
      if (at === -1) return [];
      return [
        `${kind} in ${channel}: …${text.slice(Math.max(0, at - 120), at)}«HERE»${text.slice(at + form.length, at + form.length + 60)}…`,
      ];
    }),
  );
}

/** Collects what comes out, and what must not be in it. */
export interface Evidence {
  /** From now on this is looked for, in what was seen before too. */
  hide(kind: string, ...values: string[]): void;
  /** A text as it is; anything else in every way in which objects reach a log. */
  see(channel: string, value: unknown): void;
  /** Every leak in what was seen, which is then forgotten. */
  leaks(): string[];
  /** @throws with every leak; forgets what was seen */
  expectNone(): void;
  /** An outlet: what it is for must be in `text`, and no other kind of secret. */
  expectOnly(outlet: Outlet, text: string, kind: string): void;
}

export function collectEvidence(): Evidence {
  const marked: Marked[] = [];
  const seen: Seen[] = [];
  const evidence: Evidence = {
    hide(kind, ...values) {
      for (const value of values) {
        if (value.length < 12) throw new Error(`${kind}: too short to be looked for`);
        if (!marked.some((known) => known.value === value)) marked.push({ kind, value });
      }
    },
    see: (channel, value) => void seen.push({ channel, text: typeof value === 'string' ? value : everythingOf(value) }),
    leaks: () => findLeaks(marked, seen.splice(0)),
    expectNone() {
      expect(marked.length, 'secrets to look for').toBeGreaterThan(0);
      expect(seen.length, 'places to look at').toBeGreaterThan(0);
      failFor(evidence.leaks());
    },
    expectOnly(outlet, text, kind) {
      const own = marked.filter((one) => one.kind === kind);
      const others = marked.filter((one) => one.kind !== kind);
      expect(findLeaks(own, [{ channel: outlet, text }]).length, `${outlet} shows its ${kind}`).toBeGreaterThan(0);
      failFor(findLeaks(others, [{ channel: outlet, text }]));
    },
  };
  return evidence;
}

function failFor(leaks: readonly string[]): void {
  if (leaks.length > 0) throw new Error(`${leaks.length} leaks:\n${leaks.slice(0, 20).join('\n')}`);
}

/** Also of what no log shows by itself: own fields that are hidden or symbols, and each cause by itself. */
function everythingOf(value: unknown): string {
  const parts = [renderings(value)];
  for (let current = value, depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    for (const key of Reflect.ownKeys(current)) {
      const field = (current as Record<PropertyKey, unknown>)[key];
      parts.push(
        String(key),
        typeof field === 'string' ? field : inspect(field, { depth: Infinity, showHidden: true }),
      );
    }
    current = (current as { cause?: unknown }).cause;
  }
  return parts.join('\n');
}
