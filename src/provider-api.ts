/**
 * For a secret store of your own: docs/write-a-provider.md.
 * @module imsvault/provider
 */
export type { Clock } from './clock.js';
export { type ErrorCode, ImsvaultError, type ImsvaultErrorOptions, type VendorCause, vendorCause } from './errors.js';
export type {
  HttpClient,
  HttpClientOptions,
  HttpRequest,
  HttpResponse,
  HttpTimeouts,
  TlsSettings,
} from './net/http-client.js';
export { Redacted, redact, reveal } from './redacted.js';
export {
  defineProvider,
  type ElectedEntry,
  type ElectionEntry,
  type ElectionStore,
  type OptionsSchema,
  type ProviderContext,
  type ProviderModule,
  type ReadOptions,
  type SecretMetadata,
  type SecretProvider,
  type SecretVersion,
  type ValidationResult,
  type WriteOptions,
} from './secret/provider.js';
export { readSecretFile } from './secret/secret-file.js';
