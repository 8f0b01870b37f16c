import { inspect } from 'node:util';

/** What an access token is made of. */
export interface AccessTokenFields {
  accessToken: string;
  tokenType: string;
  /** Unix milliseconds. */
  expiresAt: number;
  /** Unix milliseconds; taken before the request was sent, so never too late. */
  issuedAt: number;
  scope: readonly string[];
  clientId: string;
}

/** Outside the objects, so that printing one never shows the token. */
const values = new WeakMap<AccessToken, string>();

/**
 * An access token of IMS. Immutable. JSON, `console.log` and `util.inspect` show `[redacted]` where the token stands;
 * reading {@link accessToken} gives it.
 */
export class AccessToken {
  /** `bearer`. */
  readonly tokenType: string;
  /** When IMS stops accepting it, Unix milliseconds. */
  readonly expiresAt: number;
  /** When it was asked for, Unix milliseconds. */
  readonly issuedAt: number;
  /** The scopes that it was given for. */
  readonly scope: readonly string[];
  /** The client that it was given to; Adobe's APIs want it as `x-api-key`. */
  readonly clientId: string;

  constructor(fields: AccessTokenFields) {
    values.set(this, fields.accessToken);
    this.tokenType = fields.tokenType;
    this.expiresAt = fields.expiresAt;
    this.issuedAt = fields.issuedAt;
    this.scope = Object.freeze([...fields.scope]);
    this.clientId = fields.clientId;
    Object.freeze(this);
  }

  /** The token itself, for the `Authorization: Bearer` header. */
  get accessToken(): string {
    return values.get(this) as string;
  }

  /** `[redacted]`. */
  toString(): string {
    return '[redacted]';
  }

  /** Everything but the token, which is `[redacted]`. */
  toJSON(): object {
    const { tokenType, expiresAt, issuedAt, scope, clientId } = this;
    return { accessToken: '[redacted]', tokenType, expiresAt, issuedAt, scope, clientId };
  }

  /** As `toJSON`, for `util.inspect` and `console.log`. */
  [inspect.custom](): string {
    return `AccessToken ${inspect(this.toJSON())}`;
  }
}
