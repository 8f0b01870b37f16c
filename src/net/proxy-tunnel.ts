import type { buildConnector, Dispatcher, Pool } from 'undici';

/** Codes at which undici opens a connection through a proxy anew, at once and without end; and what they are called here. */
const ENDLESS: ReadonlyMap<string, string> = new Map([
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'UND_ERR_PRX_TLS'],
  ['UND_ERR_SOCKET', 'UND_ERR_PRX_SOCKET'],
  ['UND_ERR_INFO', 'UND_ERR_PRX_INFO'],
]);

/** The proxy itself could not be reached. */
export class ProxyUnreachable extends Error {
  /** Host and port; no login. */
  readonly proxy: string;
  readonly code: string | undefined;

  constructor(proxy: string, cause: Error) {
    super(`the proxy ${proxy} cannot be reached`, { cause });
    this.name = 'ProxyUnreachable';
    this.proxy = proxy;
    const { code } = cause as NodeJS.ErrnoException;
    this.code = ENDLESS.get(code ?? '') ?? code;
  }
}

/** What asks the proxy for a connection; a proxy that hangs up instead of answering is one that cannot be reached. */
export function tunnel(
  proxy: string,
  pool: Pool,
): (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData> {
  const connect: typeof pool.connect = pool.connect.bind(pool);
  return async (options) => {
    try {
      return await connect(options);
    } catch (error) {
      const isOurs = error instanceof ProxyUnreachable || !ENDLESS.has((error as NodeJS.ErrnoException).code ?? '');
      throw isOurs ? error : new ProxyUnreachable(proxy, error as Error);
    }
  };
}

/** Else nothing tells whether the proxy or the server behind it refused. */
export function namingProxy(proxy: string, connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) =>
    connect(options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error === null) return callback(null, socket);
      callback(new ProxyUnreachable(proxy, error), null);
    });
}
