import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessToken } from '../access-token.js';
import type { Clock } from '../clock.js';
import type { TokenProvider } from '../token-provider.js';
import type { AgentProfiles } from './agent-profiles.js';
import type { RequestHead } from './guard.js';
import { createRenewalLimit } from './renewal-limit.js';
import { failureReply, problemReply, type Reply, retryAfterHeader, type Send } from './reply.js';
import { readJsonBody } from './request-body.js';
import { type CountersByProfile, countersOf } from './request-counters.js';
import { answerToken, chooseReply, type TokenAnswer, tokenVersion } from './token-answer.js';

/** What `/v1/token` and `/v1/token/renew` do once a request is let in. Both answer every request. */
export interface TokenRoutes {
  /** @param query what follows the `?`; empty: nothing */
  get(query: string, head: RequestHead, response: ServerResponse): void;
  renew(query: string, request: IncomingMessage, response: ServerResponse): void;
}

interface Profile {
  readonly name: string;
  readonly provider: TokenProvider;
}

const BAD_QUERY = problemReply(400, {
  code: 'ERR_AGENT_REQUEST_INVALID',
  message: 'the one parameter is profile, and it may come once',
});
const BAD_BODY = problemReply(400, {
  code: 'ERR_AGENT_REQUEST_INVALID',
  message: 'the body must be empty, or the JSON object {"rejected_version": "…"}',
  hint: 'The version of a token stands in the answer that brought it.',
});

export function createTokenRoutes(
  profiles: () => AgentProfiles,
  counters: CountersByProfile,
  clock: Clock,
  send: Send,
): TokenRoutes {
  const answers = new WeakMap<TokenProvider, TokenAnswer>();
  const limit = createRenewalLimit(clock);

  function find(query: string): Profile | Reply {
    const current = profiles();
    let asked: string | undefined;
    if (query !== '') {
      const parameters = [...new URLSearchParams(query)];
      if (parameters.length !== 1 || parameters[0]?.[0] !== 'profile') return BAD_QUERY;
      asked = parameters[0][1];
    }
    const provider = current.get(asked);
    const name = asked ?? current.defaultName ?? current.names[0] ?? 'default';
    return provider === undefined ? unknownProfile(asked) : { name, provider };
  }

  /** An answer from memory. A soft token is served and its renewal begun; a hard one has to be waited for. */
  function ready({ name, provider }: Profile): TokenAnswer | undefined {
    const token = provider.peekToken();
    if (token === undefined) return undefined;
    const now = clock.now();
    const last = answers.get(provider);
    if (last !== undefined && last.token === token && now >= last.from && now < last.until) return last;
    const { phase } = provider.status();
    if (phase !== 'fresh' && phase !== 'soft') return undefined;
    if (phase === 'soft') provider.getToken().catch(() => undefined);
    const answer = answerToken(token, name, provider, now, 'HIT');
    answers.set(provider, answer);
    return answer;
  }

  /** Waits for a token as long as the client does. */
  async function waitFor(
    { name, provider }: Profile,
    forceRenew: AccessToken | boolean,
    ifNoneMatch: string | undefined,
    response: ServerResponse,
  ): Promise<void> {
    const gone = new AbortController();
    const onClose = () => gone.abort();
    response.once('close', onClose);
    const before = provider.peekToken();
    const count = countersOf(counters, name);
    try {
      const token = await provider.getToken({ signal: gone.signal, forceRenew });
      const cache = token === before ? 'HIT' : 'MISS';
      count[cache === 'HIT' ? 'hit' : 'miss']++;
      send(response, chooseReply(answerToken(token, name, provider, clock.now(), cache), ifNoneMatch));
    } catch (error) {
      if (gone.signal.aborted) return;
      count.failed++;
      const retryAt = provider.status().lastError?.retryAt ?? 0;
      send(response, failureReply(error, retryAt - clock.now()));
    } finally {
      response.off('close', onClose);
    }
  }

  async function renewFor(profile: Profile, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJsonBody(request);
    const { rejected_version: rejected, ...others } = body ?? {};
    const isNamed = typeof rejected === 'string';
    if (body === undefined || Object.keys(others).length > 0 || (rejected !== undefined && !isNamed)) {
      return send(response, BAD_BODY);
    }
    const { provider } = profile;
    const held = provider.peekToken();
    // Who was refused with an older token gets the one that came since, without another exchange.
    if (isNamed && (held === undefined || tokenVersion(held) !== rejected)) {
      return waitFor(profile, false, undefined, response);
    }
    if (!provider.status().renewing) {
      const waitMs = limit.take(provider);
      if (waitMs !== undefined) return send(response, tooManyRenewals(profile.name, waitMs));
    }
    return waitFor(profile, isNamed && held !== undefined ? held : true, undefined, response);
  }

  return {
    get(query, { ifNoneMatch }, response) {
      const profile = find(query);
      if ('status' in profile) return send(response, profile);
      const answer = ready(profile);
      if (answer === undefined) return void waitFor(profile, false, ifNoneMatch, response);
      countersOf(counters, profile.name).hit++;
      send(response, chooseReply(answer, ifNoneMatch));
    },
    renew(query, request, response) {
      const profile = find(query);
      if ('status' in profile) return send(response, profile);
      // What fails here is the client's connection: nobody is left to be answered.
      renewFor(profile, request, response).catch(() => response.destroy());
    },
  };
}

function unknownProfile(asked: string | undefined): Reply {
  if (asked === undefined) {
    return problemReply(400, {
      code: 'ERR_AGENT_REQUEST_INVALID',
      message: 'the config has several profiles and no defaultProfile',
      hint: 'Name one: /v1/token?profile=NAME',
    });
  }
  return problemReply(404, {
    code: 'ERR_AGENT_PROFILE_UNKNOWN',
    message: 'the config that the agent serves has no profile of this name',
    hint: 'imsvault status --all lists them; after a change of the config the agent is to be reloaded (SIGHUP).',
  });
}

function tooManyRenewals(profile: string, waitMs: number): Reply {
  return problemReply(
    429,
    {
      code: 'ERR_AGENT_TOO_MANY_RENEWALS',
      message: `${profile}: three renewals at once, and one a minute, may be asked for`,
      hint: 'Where an API refuses new tokens too, look at its key and permissions, not at the token.',
      retryable: true,
    },
    retryAfterHeader(waitMs),
  );
}
