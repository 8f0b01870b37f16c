import { createHash } from 'node:crypto';
import { formatDuration } from '../duration.js';
import type { TokenFailure } from '../token/token-events.js';
import type { HeldTokenStatus } from '../token/token-status.js';
import { VERSION } from '../version.js';
import type { AgentProfiles } from './agent-profiles.js';
import { type Html, html } from './html.js';
import { MOODS, type Mood, type ProfileView, relative, viewProfiles } from './profile-view.js';
import { type Reply, reply } from './reply.js';
import { STATUS_PAGE_STYLE } from './status-page-style.js';

const PAGE_SIZE = 100;
const REFRESH_SECONDS = 10;

const STYLE_HASH = createHash('sha256').update(STATUS_PAGE_STYLE).digest('base64');
const PAGE_HEADERS = [
  'Content-Security-Policy',
  `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'Referrer-Policy',
  'no-referrer',
  'Cross-Origin-Opener-Policy',
  'same-origin',
  'Cross-Origin-Resource-Policy',
  'same-origin',
];

const MOOD_WORDS: Readonly<Record<Mood, string>> = {
  bad: 'without a token',
  warn: 'to look at',
  idle: 'not used yet',
  good: 'usable',
};

/** What a visitor asked to see. */
export interface PageQuery {
  /** Part of a profile's name, in any case. */
  readonly text: string;
  /** From 1. */
  readonly page: number;
  readonly refresh: boolean;
}

export function parsePageQuery(query: string): PageQuery {
  const parameters = new URLSearchParams(query);
  const page = Number(parameters.get('page'));
  return {
    text: (parameters.get('q') ?? '').slice(0, 100),
    page: Number.isInteger(page) && page > 0 ? page : 1,
    refresh: parameters.get('refresh') !== 'off',
  };
}

/** The page for people: every profile and how it does; never a token. */
export function statusPage(profiles: AgentProfiles, query: PageQuery, now: number): Reply {
  const all = viewProfiles(profiles);
  const text = query.text.toLowerCase();
  const found = all.filter(({ name }) => name.toLowerCase().includes(text));
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const page = Math.min(query.page, pages);
  const shown = found.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  const body = html`
<header><h1>imsvault agent</h1><span class="quiet">${VERSION} · as of <time datetime="${iso(now)}">${iso(now)}</time></span></header>
<ul class="sums">${sums(all)}</ul>
<form class="tools" role="search">
  <label>Profile <input name="q" type="search" value="${query.text}"></label>
  ${query.refresh ? [] : html`<input type="hidden" name="refresh" value="off">`}
  <button>Find</button>
  <a href="${link({ ...query, refresh: !query.refresh })}">${query.refresh ? `Stop the refresh every ${REFRESH_SECONDS} s` : 'Refresh by itself again'}</a>
</form>
${shown.length === 0 ? html`<p>No profile has this in its name.</p>` : table(shown, now)}
${pages === 1 ? [] : pager(query, page, pages, found.length)}`;
  return htmlPage(200, 'imsvault agent', body, query.refresh);
}

/** A page that says one thing. */
export function messagePage(status: number, message: string): Reply {
  return htmlPage(status, 'imsvault agent', html`<header><h1>imsvault agent</h1></header><p>${message}</p>`, false);
}

function htmlPage(status: number, title: string, body: Html, refresh: boolean): Reply {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh ? html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}">` : []}
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${{ html: STATUS_PAGE_STYLE }}</style>
</head>
<body><main>${body}
</main></body>
</html>
`;
  return reply(status, 'text/html; charset=utf-8', page.html, PAGE_HEADERS);
}

function sums(all: readonly ProfileView[]): Html[] {
  return MOODS.map((mood) => ({ mood, count: all.filter((view) => view.mood === mood).length }))
    .filter(({ mood, count }) => count > 0 || mood === 'good')
    .map(({ mood, count }) => html`<li class="pill ${mood}">${count} ${MOOD_WORDS[mood]}</li>`);
}

function table(views: readonly ProfileView[], now: number): Html {
  return html`<table>
<thead><tr><th scope="col">Profile</th><th scope="col">State</th><th scope="col">Life of the token</th><th scope="col">Source</th><th scope="col">Renewed</th></tr></thead>
${views.map((view) => rows(view, now))}
</table>`;
}

function rows({ name, status, mood, state }: ProfileView, now: number): Html {
  const { token, lastError, counters } = status;
  const failures = counters['renewal-failed'];
  const missing = html`<td class="missing">–</td>`;
  return html`<tbody>
<tr><th scope="row">${name}</th>
<td><span class="pill ${mood}">${state}</span></td>
${token === undefined ? missing : html`<td class="life">${life(token, mood, now)}</td>`}
${token === undefined ? missing : html`<td data-label="from">${token.source}<span class="quiet">${token.clientId}</span></td>`}
<td data-label="renewed">${token === undefined ? 'never' : relative(token.renewedAt, now)}<span class="quiet counts">${counters.renewed} done, ${failures} failed</span></td></tr>
${lastError === undefined ? [] : why(lastError, mood, now)}</tbody>
`;
}

/** What is left of the life, with a mark where the renewal is due. */
function life({ issuedAt, expiresAt, renewsAt }: HeldTokenStatus, mood: Mood, now: number): Html {
  const lifeMs = Math.max(1, expiresAt - issuedAt);
  const percent = (ms: number) => Math.round(Math.min(1, Math.max(0, ms / lifeMs)) * 1000) / 10;
  const left = percent(expiresAt - now);
  const text = expiresAt > now ? `${formatDuration(expiresAt - now)} left` : `expired ${relative(expiresAt, now)}`;
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="${left} % of its life left"><rect class="track" width="100" height="8"/><rect class="${mood}" width="${left}" height="8"/><rect class="mark" x="${percent(expiresAt - renewsAt)}" width="0.6" height="8"/></svg>
${text}<span class="quiet">renewal ${renewsAt > now ? '' : 'due '}${relative(renewsAt, now)}</span>`;
}

function why({ code, message, hint, at, retryAt }: TokenFailure, mood: Mood, now: number): Html {
  const again = retryAt > now ? `, next try ${relative(retryAt, now)} at the earliest` : '';
  return html`<tr class="why"><td colspan="5"><p class="${mood}"><code>${code}</code>: ${message}
${hint === undefined ? [] : html`<br>→ ${hint}`}<span class="when">failed ${relative(at, now)}${again}</span></p></td></tr>`;
}

function pager(query: PageQuery, page: number, pages: number, count: number): Html {
  const to = (number: number, text: string) => html`<a href="${link({ ...query, page: number })}">${text}</a>`;
  return html`<nav aria-label="Pages">${page > 1 ? to(page - 1, 'Previous') : []}<span>Page ${page} of ${pages}, ${count} profiles</span>${page < pages ? to(page + 1, 'Next') : []}</nav>`;
}

function link({ text, page, refresh }: PageQuery): string {
  const parameters = new URLSearchParams();
  if (text !== '') parameters.set('q', text);
  if (page > 1) parameters.set('page', String(page));
  if (!refresh) parameters.set('refresh', 'off');
  return `/?${parameters}`;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
