import type { ResolvedProfile, TokenStoreSettings } from '../config/load.js';
import { type OpenDeps, openProvider, translate } from '../config/open.js';
import { untilAborted } from '../deadline.js';
import { ImsvaultError } from '../errors.js';
import { createDocumentAccess } from '../token/fleet/document-access.js';
import { mismatch } from '../token/fleet/fleet-errors.js';
import type { SharedFailure } from '../token/fleet/token-document.js';
import { phaseAt, renewalSchedule, type TokenPhase } from '../token/renewal-schedule.js';

/** A token without its value. Times are Unix milliseconds by this machine's clock. */
export interface TokenFacts {
  clientId: string;
  scope: readonly string[];
  issuedAt: number;
  expiresAt: number;
}

/** The same, with what the profile makes of it now. */
export interface JudgedToken extends TokenFacts {
  phase: TokenPhase;
  /** The earliest moment at which a process renews it in the background. */
  renewsAt: number;
  /** From here on callers wait for the renewal. */
  hardAt: number;
  leftMs: number;
}

/** What stands in a token store. */
export interface StoredFacts {
  /** Which store, and what in it. */
  place: string;
  /** 0: no token was published yet. */
  generation: number;
  token?: JudgedToken;
  /** Somebody renews; a claim that stands still for so long is dead. */
  claimTtlMs?: number;
  lastFailure?: SharedFailure;
}

export function judge(facts: TokenFacts, { renewal }: ResolvedProfile, now: number): JudgedToken {
  const { clientId, scope, issuedAt, expiresAt } = facts;
  const schedule = renewalSchedule(renewal, expiresAt - issuedAt, 0);
  return {
    ...{ clientId, scope, issuedAt, expiresAt },
    phase: phaseAt(schedule, now - issuedAt),
    renewsAt: Math.round(issuedAt + schedule.softMs),
    hardAt: Math.round(issuedAt + schedule.hardMs),
    leftMs: expiresAt - now,
  };
}

/**
 * Reads a profile's token store, once.
 * @throws ImsvaultError; ERR_TOKEN_DOCUMENT_MISMATCH for a document of another identity
 */
export async function readStoredFacts(
  settings: TokenStoreSettings,
  profile: ResolvedProfile,
  deps: OpenDeps,
  signal: AbortSignal,
): Promise<StoredFacts> {
  const { clock } = deps;
  const { ref, timeoutMs, create, identity } = settings;
  const provider = await untilAborted(openProvider(settings, deps), signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw translate(error, settings.provider);
  });
  try {
    const store = createDocumentAccess({ provider, ref, clock, timeoutMs, create });
    const { document, clockOffsetMs } = await store.read(signal);
    if (document === undefined) return { place: store.place, generation: 0 };
    if (document.identity !== identity) throw mismatch(store.place);
    const { generation, token, renewal, lastFailure } = document;
    const facts = token && {
      clientId: token.clientId,
      scope: token.scope,
      // The document's times are the servers'.
      issuedAt: token.issuedAt - clockOffsetMs,
      expiresAt: token.expiresAt - clockOffsetMs,
    };
    return {
      place: store.place,
      generation,
      ...(facts === undefined ? {} : { token: judge(facts, profile, clock.now()) }),
      ...(renewal === undefined ? {} : { claimTtlMs: renewal.ttlMs }),
      ...(lastFailure === undefined ? {} : { lastFailure }),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof ImsvaultError ? error : translate(error, settings.provider);
  } finally {
    await provider.close?.();
  }
}
