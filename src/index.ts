/**
 * Access tokens of Adobe IMS from the secret store that a config names.
 * @module imsvault
 */
export { AccessToken } from './access-token.js';
export type { ExchangeTrace, RequestTrace, StoreOperation, StoreTrace } from './channels.js';
export type { Clock } from './clock.js';
export type { ImsvaultConfig } from './config/options.generated.js';
export {
  ConfigInvalidError,
  type ConfigProblem,
  type ErrorCode,
  ImsvaultError,
  TokenRequestRejectedError,
} from './errors.js';
export type { GetTokenOptions } from './token/get-token-options.js';
export type { TokenPhase } from './token/renewal-schedule.js';
export type {
  TokenCounters,
  TokenEvent,
  TokenFailure,
  TokenRenewalFailedEvent,
  TokenRenewedEvent,
} from './token/token-events.js';
export type { HeldTokenStatus, TokenStatus } from './token/token-status.js';
export { createTokenProvider, type TokenProvider, type TokenProviderDeps } from './token-provider.js';
