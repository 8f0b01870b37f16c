import type { AccessToken } from '../access-token.js';

/** What a renewal is asked for. */
export interface RenewRequest {
  /** The token held now, if it can still be used: then nobody has to wait. */
  usable?: AccessToken;
  /** A token that an API refused; one newer than it is wanted. */
  rejected?: AccessToken;
  /** Somebody insists on a token newer than this one; `true`: than the store's, because none is held. */
  forced?: AccessToken | true;
}
