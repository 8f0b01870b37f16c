import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KeyPair } from './certificates.js';

export interface StandInRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface StandInReply {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON; `text` is sent as it is. */
  json?: unknown;
  text?: string;
}

/**
 * `hang` never answers; `reset` breaks the connection; a reply is sent instead of the true one. A function chooses for
 * each request; undefined: no fault.
 */
export type StandInFault = FixedFault | ((request: StandInRequest) => FixedFault | undefined);

type FixedFault = 'none' | 'hang' | 'reset' | StandInReply;

/** What was asked, and how it ended. */
export interface RecordedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  status: number | 'hang' | 'reset';
}

export interface StandInServer {
  /** Without a slash at the end. */
  readonly url: string;
  readonly requests: RecordedRequest[];
  fault(fault: StandInFault): void;
  close(): Promise<void>;
}

/** A server on loopback, over HTTPS where it is given a certificate. */
export async function startStandInServer(
  handle: (request: StandInRequest) => StandInReply | Promise<StandInReply>,
  tls?: KeyPair,
): Promise<StandInServer> {
  const requests: RecordedRequest[] = [];
  let fault: StandInFault = 'none';

  const listener: RequestListener = async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const url = new URL(incoming.url ?? '/', 'http://stand-in');
    const request: StandInRequest = {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    const { method, path, query } = request;
    const record = (status: RecordedRequest['status']) => requests.push({ method, path, query, status });
    const present = typeof fault === 'function' ? (fault(request) ?? 'none') : fault;
    if (present === 'hang') {
      record('hang');
      return;
    }
    if (present === 'reset') {
      record('reset');
      incoming.socket.destroy();
      return;
    }
    const reply = present === 'none' ? await handle(request) : present;
    record(reply.status);
    const { status, headers, json, text = json === undefined ? '' : JSON.stringify(json) } = reply;
    const type = json === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
    outgoing.writeHead(status, { 'x-ms-request-id': 'stand-in-request', ...type, ...headers });
    outgoing.end(text);
  };

  const server =
    tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: tls.certificate, key: tls.key }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    fault: (next) => {
      fault = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
