import { formatDuration } from '../duration.js';
import type { TokenStatus } from '../token/token-status.js';
import type { AgentProfiles } from './agent-profiles.js';

/** `bad`: no token though one was asked for. `warn`: a token, and something to look at. `idle`: nobody asked yet. */
export type Mood = 'bad' | 'warn' | 'idle' | 'good';

/** One profile as people see it. */
export interface ProfileView {
  readonly name: string;
  readonly status: TokenStatus;
  readonly mood: Mood;
  /** In a few words. */
  readonly state: string;
}

export const MOODS: readonly Mood[] = ['bad', 'warn', 'idle', 'good'];

/** Every profile; those that need somebody first, else by name. */
export function viewProfiles(profiles: AgentProfiles): ProfileView[] {
  const views = profiles.names.flatMap((name) => {
    const provider = profiles.get(name);
    return provider === undefined ? [] : [viewProfile(name, provider.status())];
  });
  const byName = new Intl.Collator('en', { numeric: true });
  return views.sort((a, b) => MOODS.indexOf(a.mood) - MOODS.indexOf(b.mood) || byName.compare(a.name, b.name));
}

function viewProfile(name: string, status: TokenStatus): ProfileView {
  return { name, status, ...judge(status) };
}

function judge({ phase, renewing, lastError }: TokenStatus): Pick<ProfileView, 'mood' | 'state'> {
  if (phase === 'none' && lastError === undefined) {
    return { mood: 'idle', state: renewing ? 'getting a token' : 'no token yet' };
  }
  if (phase === 'none') return { mood: 'bad', state: 'no token' };
  if (phase === 'expired') return { mood: 'bad', state: 'expired' };
  if (lastError !== undefined) return { mood: 'warn', state: 'usable, renewal failed' };
  if (phase === 'hard') return { mood: 'warn', state: 'renewal overdue' };
  if (renewing) return { mood: 'good', state: 'usable, renewing' };
  return { mood: 'good', state: phase === 'soft' ? 'usable, renewal due' : 'usable' };
}

/** `in 23 h 4 min`, `5 s ago`, `just now` */
export function relative(time: number, now: number): string {
  if (Math.abs(time - now) < 1000) return 'just now';
  return time > now ? `in ${formatDuration(time - now)}` : `${formatDuration(now - time)} ago`;
}
