import type { AccessToken } from '../../access-token.js';
import type { ServedSink } from '../../config/load-config.js';
import { accessTokenJson } from '../../token/access-token-json.js';

/** What a sink's file is made from. */
export interface SinkToken {
  profile: string;
  token: AccessToken;
  /** The provider that had the credential, or `token-store`. */
  source: string;
  /** Unix milliseconds. */
  now: number;
}

/** Makes the content of a sink's file. @throws what a template throws */
export type SinkFormat = (from: SinkToken) => string;

export function builtInFormat({ format, variable }: Pick<ServedSink, 'format' | 'variable'>): SinkFormat {
  switch (format) {
    case 'raw':
      // Without a line end: programs that read such a file take all of it.
      return ({ token }) => token.accessToken;
    case 'json':
      return ({ token, source, now }) => `${JSON.stringify(accessTokenJson(token, source, now))}\n`;
    // A token is of RFC 6750's characters only, so it needs no quotes.
    case 'env':
      return ({ token }) => `export ${variable}=${token.accessToken}\n`;
    case 'dotenv':
      return ({ token }) => `${variable}=${token.accessToken}\n`;
  }
}
