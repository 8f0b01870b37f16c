import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface EchoServer {
  url: string;
  /** What the next answers are. */
  status: number;
  /** The body of the last request. */
  received: string;
  close(): Promise<void>;
}

/** The worst of servers: every answer repeats the request, in all headers that could be believed and in each kind of body. */
export async function startEchoServer(): Promise<EchoServer> {
  const server = createServer(async (request, response) => {
    const body = await buffer(request).then(String, () => '');
    echoServer.received = body;
    const secret =
      new URLSearchParams(body).get('client_secret') ??
      request.headers.authorization ??
      String(request.headers['x-vault-token'] ?? '');
    const printable = secret.replace(/[^\x21-\x7e]/g, '');
    const echo = `${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body} ${secret}`;
    response.writeHead(echoServer.status, {
      'content-type': 'application/json',
      'x-debug-id': printable,
      'x-request-id': printable,
      'x-amzn-requestid': printable,
      'x-amzn-errortype': printable,
      'x-ms-request-id': printable,
      'www-authenticate': `Bearer authorization="https://login.example/${encodeURIComponent(printable)}"`,
      'retry-after': printable,
      location: `https://elsewhere.example/?${encodeURIComponent(secret)}`,
    });
    response.end(
      JSON.stringify({
        error: echoServer.status === 401 ? printable : 'invalid_client',
        // Only its beginning is shown.
        error_description: `${secret} ${body} ${echo}`,
        errors: [echo, secret],
        warnings: [echo],
        message: echo,
        Message: echo,
        __type: printable,
        access_token: secret,
        expires_in: secret,
        data: echo,
        auth: echo,
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const echoServer: EchoServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    status: 400,
    received: '',
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return echoServer;
}
