import type { AgentProfiles } from './agent-profiles.js';
import { jsonReply, type Reply } from './reply.js';

/** The reasons that an answer lists; the first ones are enough to act on. */
const MAX_LISTED = 20;

export const LIVE: Reply = jsonReply(200, { alive: true });

/**
 * Whether clients would get tokens now: 200, or 503 with the profiles that have none. No text of an error: who may ask
 * this is not known.
 * @param required profiles; undefined: all
 */
export function readyReply(profiles: AgentProfiles, required: readonly string[] | undefined): Reply {
  const without = (required ?? profiles.names)
    .map((profile) => ({ profile, provider: profiles.get(profile) }))
    .filter(({ provider }) => provider?.peekToken() === undefined);
  if (without.length === 0) return jsonReply(200, { ready: true });
  const listed = without.slice(0, MAX_LISTED).map(({ profile, provider }) => {
    const code = provider === undefined ? 'ERR_AGENT_PROFILE_UNKNOWN' : provider.status().lastError?.code;
    return { profile, ...(code === undefined ? {} : { code }) };
  });
  return jsonReply(503, { ready: false, without_token: without.length, profiles: listed });
}
