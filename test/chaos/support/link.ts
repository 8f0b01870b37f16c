import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, request as sendHttp } from 'node:http';
import { createServer, request as sendHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { inject } from 'vitest';
import { lookups, unresolved } from './resolver.js';
import type { Toxic, Toxiproxy } from './toxiproxy.js';
import { type CertificateKind, DOMAIN } from './trust.js';

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

/** What is wrong on the way, or with what answers there. */
export type Trouble =
  | { refused: true }
  | { toxics: readonly Toxic[] }
  | { unresolved: true }
  | { certificate: CertificateKind }
  /** Something at the server itself. */
  | { strike(): Promise<unknown>; mend(): Promise<unknown> }
  /** Answers in place of the server; `forward` asks it all the same. */
  | { answer: (response: ServerResponse, forward: () => Promise<Answer>) => Promise<void> };

/** The way from a worker to one server: a name, TLS, a network, and a front that can answer for the server. */
export interface Link {
  /** Origin, without a slash at its end. */
  readonly url: string;
  /** Tries to connect, and requests that arrived, up to now. */
  counts(): { connections: number; requests: number };
  disturb(trouble: Trouble): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

let opened = 0;

/** @param target the server's origin on loopback; what certificate it has does not matter */
export async function openLink(toxiproxy: Toxiproxy, target: string): Promise<Link> {
  const { certificates } = inject('trust');
  const context = (kind: CertificateKind) => ({ cert: certificates[kind].certificate, key: certificates[kind].key });
  const host = `link-${++opened}.${DOMAIN}`;
  let answer: Extract<Trouble, { answer: unknown }>['answer'] | undefined;
  let undo: () => Promise<unknown> = async () => undefined;
  let requests = 0;

  const front = createServer(context('good'), (incoming, response) => {
    requests++;
    const forward = () => forwardTo(target, incoming);
    const done = answer === undefined ? forward().then((given) => send(response, given)) : answer(response, forward);
    done.catch(() => response.destroy());
  });
  // Handshakes that the worker gave up.
  front.on('tlsClientError', () => undefined);
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const proxy = await toxiproxy.createProxy((front.address() as AddressInfo).port);

  function present(kind: CertificateKind): void {
    front.setSecureContext(context(kind));
    front.closeAllConnections();
  }

  async function strike(trouble: Trouble): Promise<() => Promise<unknown>> {
    if ('refused' in trouble) {
      await proxy.refuse();
      return proxy.restore;
    }
    if ('toxics' in trouble) {
      await proxy.add(trouble.toxics);
      return proxy.restore;
    }
    if ('certificate' in trouble) {
      present(trouble.certificate);
      return async () => present('good');
    }
    if ('answer' in trouble) {
      answer = trouble.answer;
      return async () => {
        answer = undefined;
      };
    }
    if ('unresolved' in trouble) {
      unresolved.add(host);
      front.closeAllConnections();
      return async () => unresolved.delete(host);
    }
    await trouble.strike();
    return trouble.mend;
  }

  return {
    url: `https://${host}:${proxy.port}`,
    counts: () => ({ connections: lookups.get(host) ?? 0, requests }),
    async disturb(trouble) {
      undo = await strike(trouble);
    },
    async heal() {
      await undo();
      undo = async () => undefined;
    },
    async close() {
      await proxy.refuse();
      front.closeAllConnections();
      front.close();
    },
  };
}

export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers }).end(body);
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function forwardTo(target: string, incoming: IncomingMessage): Promise<Answer> {
  const body = await bytesOf(incoming);
  const { method, url = '/', headers } = incoming;
  const upstream = target.startsWith('https:')
    ? sendHttps(target + url, { method, headers, rejectUnauthorized: false })
    : sendHttp(target + url, { method, headers });
  upstream.end(body);
  const [answer] = (await once(upstream, 'response')) as [IncomingMessage];
  const { 'transfer-encoding': _coding, 'content-length': _length, connection: _, ...rest } = answer.headers;
  return { status: answer.statusCode ?? 502, headers: rest, body: await bytesOf(answer) };
}
