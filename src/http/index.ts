/**
 * Requests that carry the token: docs/http.md.
 * @module imsvault/http
 */
export { type Authorization, type AuthorizeOptions, createAuthorizer } from './authorizer.js';
export type { TokenRequestOptions } from './request-rules.js';
export { type CredentialToken, createTokenCredential, type TokenCredential } from './token-credential.js';
export { createTokenDispatcher } from './token-dispatcher.js';
export { createTokenFetch, type TokenFetchOptions } from './token-fetch.js';
export { createTokenInterceptor } from './token-interceptor.js';
export type { TokenGiver } from './token-source.js';
