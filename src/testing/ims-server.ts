import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.js';
import type { ImsAnswer, ImsReply, ImsRequest } from './ims-message.js';

/** Larger than any token request. In bytes. */
export const MAX_BODY_BYTES = 64 * 1024;

export interface ImsServerOptions {
  handle: (request: ImsRequest) => ImsReply;
  clock: Clock;
  host: string;
  /** 0: any free one. */
  port: number;
  /** PEM. */
  tls?: { key: string; cert: string } | undefined;
}

export interface ImsServer {
  readonly url: string;
  /** Ends every connection, those of unanswered requests included. */
  close(): Promise<void>;
}

/** Brings requests from sockets to `handle`, and its replies back, misbehaviour included. */
export async function startImsServer({ handle, clock, host, port, tls }: ImsServerOptions): Promise<ImsServer> {
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(request);
    if (body === undefined) return;
    const { method = '', url: path = '', headers } = request;
    deliver(handle({ method, path, headers, body }), response, clock);
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer({ ...tls }, listener);
  await listen(server, port, host);
  const address = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Reads all, but keeps little more than is allowed: enough to be refused.
 * @returns undefined when the client went away meanwhile
 */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      size += chunk.length;
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function deliver(reply: ImsReply, response: ServerResponse, clock: Clock): void {
  if (reply.kind === 'hang') return;
  if (reply.kind === 'reset') {
    const { socket } = response;
    // Node resets plain TCP sockets only.
    if (socket instanceof TLSSocket) socket.destroy();
    else socket?.resetAndDestroy();
    return;
  }
  if (reply.delayMs === undefined) send(reply, response, clock);
  else later(clock, reply.delayMs, response, () => send(reply, response, clock));
}

function send(answer: ImsAnswer, response: ServerResponse, clock: Clock): void {
  const body = Buffer.from(answer.body);
  // RFC 9110 §8.6: a 204 has no Content-Length.
  const length = answer.status === 204 ? {} : { 'content-length': body.length };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  if (answer.truncated === true) {
    response.write(body.subarray(0, body.length >> 1), () => response.destroy());
  } else if (answer.byteIntervalMs === undefined) {
    response.end(body);
  } else {
    response.flushHeaders();
    drip(body, answer.byteIntervalMs, response, clock);
  }
}

function drip(rest: Buffer, intervalMs: number, response: ServerResponse, clock: Clock): void {
  if (rest.length === 0) {
    response.end();
    return;
  }
  later(clock, intervalMs, response, () => {
    response.write(rest.subarray(0, 1));
    drip(rest.subarray(1), intervalMs, response, clock);
  });
}

/** Not once the client has gone. */
function later(clock: Clock, delayMs: number, response: ServerResponse, callback: () => void): void {
  const cancel = clock.setTimer(
    () => {
      response.off('close', cancel);
      callback();
    },
    delayMs,
    { ref: true },
  );
  response.once('close', cancel);
}
