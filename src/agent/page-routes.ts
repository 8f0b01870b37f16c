import type { Clock } from '../clock.js';
import type { AgentProfiles } from './agent-profiles.js';
import { jsonReply, problemReply, type Reply } from './reply.js';
import { messagePage, parsePageQuery, statusPage } from './status-page.js';
import { CODE_LIFE_MS, createWebSessions, SESSION_LIFE_MS } from './web-session.js';

/** The page for people, and how a browser gets to it. */
export interface PageRoutes {
  /** @param query what follows the `?` */
  home(query: string, isAllowed: boolean): Reply;
  /** A link that works once. */
  issueLink(): Reply;
  login(query: string, door: PageDoor): Reply;
  /** @param cookie the `Cookie` header */
  isOpen(cookie: string | undefined, door: PageDoor): boolean;
}

/** Where a browser comes in. Cookies do not tell ports apart, so that each agent's needs a name of its own. */
export interface PageDoor {
  readonly cookieName: string;
  readonly isTls: boolean;
}

const NO_SESSION = messagePage(403, 'To see this page, run: imsvault status --web');
const USED_UP = messagePage(403, 'This link was used already or is too old. For a new one run: imsvault status --web');
const NO_ADDRESS = problemReply(409, {
  code: 'ERR_AGENT_NO_WEB_ADDRESS',
  message: 'the agent listens on no address that a browser can open',
  hint: 'Start it with --listen 127.0.0.1:7717 too.',
});

/** @param origin of the address that a browser is sent to; undefined: there is none */
export function createPageRoutes(
  profiles: () => AgentProfiles,
  origin: () => string | undefined,
  clock: Clock,
): PageRoutes {
  const sessions = createWebSessions(clock);
  return {
    home: (query, isAllowed) => (isAllowed ? statusPage(profiles(), parsePageQuery(query), clock.now()) : NO_SESSION),
    issueLink() {
      const at = origin();
      if (at === undefined) return NO_ADDRESS;
      const url = `${at}/login?code=${sessions.issueCode()}`;
      return jsonReply(200, { url, expires_in: CODE_LIFE_MS / 1000 });
    },
    login(query, { cookieName, isTls }) {
      const cookie = sessions.redeem(new URLSearchParams(query).get('code') ?? '');
      if (cookie === undefined) return USED_UP;
      const attributes = `HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_LIFE_MS / 1000}${isTls ? '; Secure' : ''}`;
      const { headers, body } = messagePage(303, 'Go on to /');
      return {
        status: 303,
        headers: [...headers, 'Location', '/', 'Set-Cookie', `${cookieName}=${cookie}; ${attributes}`],
        body,
      };
    },
    isOpen(cookie, { cookieName }) {
      const values = (cookie ?? '').split(';').map((pair) => pair.trim());
      const mine = values.find((pair) => pair.startsWith(`${cookieName}=`));
      return mine !== undefined && sessions.isOpen(mine.slice(cookieName.length + 1));
    },
  };
}
