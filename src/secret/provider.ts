import type { Clock } from '../clock.js';
import type { HttpClient, HttpClientOptions } from '../net/http-client.js';
import type { Redacted } from '../redacted.js';

/** A secret's value at one moment. */
export interface SecretVersion {
  /** The value as the store holds it, decoded to text. */
  value: Redacted<string>;
  /** The store's id of this version: changes whenever the value does. Not a secret. */
  id: string;
  /** When this version was written, Unix milliseconds by the store's clock. */
  createdAt?: number;
  /** The store's own name for the version's role, for example `AWSCURRENT`. */
  stage?: string;
  /** The `Date` of the answer that brought the value, Unix milliseconds. */
  serverTime?: number;
}

/** How a secret is to be read. */
export interface ReadOptions {
  /** Aborts the read; the provider rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Past every cache, also the store's own. Default false. */
  fresh?: boolean;
}

/** How a secret is to be written. */
export interface WriteOptions {
  /** Aborts the write; whether it took place is then unknown. */
  signal?: AbortSignal;
  /** Make the secret where there is none. Default true. */
  create?: boolean;
}

/** What people and tools may know about a token document without reading it. Not secret. */
export interface SecretMetadata {
  /** When the token expires, Unix milliseconds. */
  expiresAt: number;
  generation: number;
  clientId: string;
}

/** One entry of an election: somebody wants to make the next generation, or says that it failed to. Not secret. */
export interface ElectionEntry {
  /** The generation that is current; the one after it is to be made. */
  generation: number;
  /** A new UUID for each entry. */
  id: string;
  /** Milliseconds, by the store's clock, after which the claim is dead. */
  ttlMs: number;
  /** The claim with `claimId` came to nothing; others wait this out instead of claiming. */
  failure?: { claimId: string; code: string; retryAfterMs: number; count: number; credentialVersion?: string };
}

/** An entry as the store holds it. */
export interface ElectedEntry extends ElectionEntry {
  /** The store's clock, Unix milliseconds; stores may know whole seconds only. */
  createdAt: number;
  /** The store's id of the version that holds the entry; orders entries of one second. */
  versionId: string;
}

/** How renewers agree in a store without compare-and-swap: the earliest entry of a generation that is not dead wins. */
export interface ElectionStore<Ref> {
  /** Adds an entry; never replaces one. @returns what the store made of it */
  enter(ref: Ref, entry: ElectionEntry, options?: WriteOptions): Promise<ElectedEntry>;
  /** All entries of a generation, every page, ordered by `(createdAt, versionId)`; and the store's clock, Unix ms. */
  list(
    ref: Ref,
    generation: number,
    options?: { signal?: AbortSignal },
  ): Promise<{ entries: ElectedEntry[]; serverTime: number }>;
}

/**
 * A client of one secret store. A capability is a method that exists: leave out what the store cannot do.
 *
 * Every method throws only {@link ImsvaultError}s, with one of the `ERR_SECRET_…` or `ERR_PROVIDER_…` codes, or
 * `signal.reason`. It tries once: retries are the caller's.
 */
export interface SecretProvider<Ref = Readonly<Record<string, unknown>>> {
  /** The name that the config uses, for example `vault`. */
  readonly name: string;
  /**
   * Before a claim, wait a random part of this many milliseconds and read again: for stores that allow few writes, so
   * that most see another's claim instead of losing one. Default 0.
   */
  readonly claimSpreadMs?: number;
  /**
   * Writes that are this many milliseconds apart can go on for ever: for stores that keep a limited number of versions.
   * Renewals that fail again and again are made as rare as that. Default 0.
   */
  readonly writeIntervalMs?: number;
  /**
   * @param ref which secret: the values of the module's `refOptions`
   * @throws ERR_SECRET_NOT_FOUND | ERR_SECRET_ACCESS_DENIED | ERR_SECRET_MALFORMED | ERR_SECRET_UNAVAILABLE |
   *   ERR_PROVIDER_NOT_CONFIGURED
   */
  readSecret(ref: Ref, options?: ReadOptions): Promise<SecretVersion>;
  /**
   * Compare-and-swap: makes `value` the current version only if `expected` still is.
   * @param expected the id that a read gave; null: there is no current version
   * @returns the new version's id
   * @throws ERR_SECRET_VERSION_CONFLICT when another version is current. After any other error, and after an abort,
   *   the write may or may not have taken place: read
   */
  replaceSecret?(
    ref: Ref,
    value: Redacted<string>,
    expected: string | null,
    options?: WriteOptions,
  ): Promise<{ id: string }>;
  /**
   * Versions beside the current one that may hold a credential which IMS accepts already or still, during a rotation:
   * AWSPENDING and AWSPREVIOUS, the version before. The likeliest first, at most 2; empty where there is none.
   * @throws as `readSecret`
   */
  readOtherVersions?(ref: Ref, options?: ReadOptions): Promise<SecretVersion[]>;
  /** Only in stores without {@link SecretProvider.replaceSecret}, where several renewers may meet all the same. */
  readonly election?: ElectionStore<Ref>;
  /** Writes whatever is there. Stores with {@link SecretProvider.replaceSecret} may leave it out. */
  putSecret?(ref: Ref, value: Redacted<string>, options?: WriteOptions): Promise<{ id: string }>;
  /**
   * Puts metadata on the secret in the store's own terms (tags, `custom_metadata`), only where it changed. Best effort:
   * the value stays the authority, and a failure is for a warning only.
   */
  annotateSecret?(ref: Ref, metadata: SecretMetadata, options?: { signal?: AbortSignal }): Promise<void>;
  /** A short text that tells a person which secret `ref` is: `secret/ims/fusion at https://vault:8200`. No secret in it. */
  describe(ref: Ref): string;
  /**
   * Logs in at the store, where that is a step of its own; `doctor` times it. Providers without a login leave it out.
   * @returns how, for a person: `approle at auth/approle, 59 min left`
   */
  login?(options?: ReadOptions): Promise<string>;
  /** Ends connections and timers. The provider is not used afterwards. */
  close?(): Promise<void>;
}

/** What a provider gets from outside, so that it needs no globals. */
export interface ProviderContext {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The process's environment, or what the caller gave instead. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative file paths in options start here: the config file's folder, or the working directory. */
  readonly baseDir: string;
  /** Upper bound of one call to the store, in milliseconds. Default 10000. */
  readonly timeoutMs: number;
  /** An HTTP client with the process's proxy settings. It follows no redirect and bounds every answer. */
  createHttpClient(options?: HttpClientOptions): HttpClient;
  /** Tells the user something that does not stop the work. */
  warn(message: string): void;
}

/** Anything that implements Standard Schema (https://standardschema.dev): zod, valibot, arktype and others. */
export interface OptionsSchema<Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** The value with its defaults, or what is wrong with it. */
    readonly validate: (value: unknown) => ValidationResult<Output> | Promise<ValidationResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value, as Standard Schema has it: the value, or what is wrong with it. */
export type ValidationResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/**
 * What a provider's module exports as `default`. Loaded only when the config names it.
 *
 * `Options` are the config's block without `provider` and `fields`. Those named in `refOptions` say which secret;
 * the rest says how to reach the store, so that blocks with equal rests can share one client.
 */
export interface ProviderModule<
  Options extends object = Record<string, unknown>,
  RefKey extends keyof Options = keyof Options,
> {
  readonly name: string;
  readonly options: OptionsSchema<Options>;
  readonly refOptions: readonly RefKey[];
  /**
   * Must come back within `context.timeoutMs`: later it is closed, and the call failed with ERR_SECRET_UNAVAILABLE.
   * @throws ERR_PROVIDER_NOT_INSTALLED when the vendor's SDK is missing,
   *   ERR_PROVIDER_NOT_CONFIGURED when nothing that it needs is set
   */
  createProvider(
    connection: Omit<Options, RefKey>,
    context: ProviderContext,
  ): SecretProvider<Pick<Options, RefKey>> | Promise<SecretProvider<Pick<Options, RefKey>>>;
}

/** Gives a provider module its types; returns it unchanged. */
export function defineProvider<Options extends object, RefKey extends keyof Options>(
  module: ProviderModule<Options, RefKey>,
): ProviderModule<Options, RefKey> {
  return module;
}
