import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setInterval } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { type Answer, send, type Trouble } from './link.js';

/** Who answers at the other end of a link. */
export type Side = 'vault' | 'aws-secrets-manager' | 'azure-key-vault' | 'ims';

/**
 * What a fault is to a caller without a token. `away`: it may pass, so it is tried again; `untrusted`: it stays until
 * somebody mends it; `foreign`: what answers is not what was asked for; `served`: nothing, the answer is taken; the others:
 * what a store says of the secret.
 */
export type Meaning = 'away' | 'untrusted' | 'foreign' | 'served' | 'denied' | 'missing' | 'malformed' | 'unset';

export interface Fault {
  /** As on the page. */
  fault: string;
  means: Meaning;
  /** The wait that the server asks for, in milliseconds: at least, and at most. */
  retryAfterMs?: readonly [number, number];
  on(side: Side): Trouble;
}

const both = (type: 'latency' | 'timeout' | 'slicer' | 'reset_peer', attributes: Record<string, number>): Trouble => ({
  toxics: [
    { type, stream: 'upstream', attributes },
    { type, stream: 'downstream', attributes },
  ],
});
const down = (type: 'latency' | 'timeout' | 'slicer', attributes: Record<string, number>): Trouble => ({
  toxics: [{ type, stream: 'downstream', attributes }],
});

const json = (status: number, value: unknown, headers: Answer['headers'] = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(value)),
});
const html = (status: number, text: string): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: Buffer.from(`<!DOCTYPE html><html><body><h1>${text}</h1></body></html>`),
});

/** In the words of each server. */
const REFUSALS: Record<Side, Record<429 | 500, unknown>> = {
  vault: { 429: { errors: ['rate limit quota exceeded'] }, 500: { errors: ['internal error'] } },
  'aws-secrets-manager': {
    429: { __type: 'ThrottlingException', message: 'Rate exceeded' },
    500: { __type: 'InternalServiceError', message: 'An error occurred on the server side.' },
  },
  'azure-key-vault': {
    429: {
      error: { code: 'Throttled', message: 'Request was not processed because too many requests were received.' },
    },
    500: { error: { code: 'InternalServerError', message: 'There was an internal server error.' } },
  },
  ims: { 429: { error: 'too_many_requests' }, 500: { error: 'internal_error' } },
};

/** An answer that the server never hears of. */
const instead = (answer: (side: Side) => Answer) => (side: Side) => ({
  answer: async (response: ServerResponse) => send(response, answer(side)),
});
/** The server's own answer, spoilt on the way: what was asked for has taken place. */
const spoilt = (spoil: (answer: Answer) => Answer) => (_side: Side) => ({
  answer: async (response: ServerResponse, forward: () => Promise<Answer>) => send(response, spoil(await forward())),
});
const throttled = (retryAfter?: () => string) =>
  instead((side) => json(429, REFUSALS[side][429], retryAfter === undefined ? {} : { 'retry-after': retryAfter() }));

async function halfThenReset(response: ServerResponse, forward: () => Promise<Answer>): Promise<void> {
  const { status, headers, body } = await forward();
  response.writeHead(status, { ...headers, 'content-length': body.length || 100 });
  response.write(body.subarray(0, body.length >> 1), () => (response.socket as TLSSocket).destroy());
}

const CHUNK = Buffer.alloc(64 * 1024, ' ');

/** Only a bound on its size ends it early; else it takes until a timeout. Paced, to leave the machine to the others. */
async function endless(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  await pipeline(setInterval(1, CHUNK), response).catch(() => undefined);
}

const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));

/** Between a worker and any server, and answers that any server may give. */
export const FAULTS: readonly Fault[] = [
  { fault: 'connection refused', means: 'away', on: () => ({ refused: true }) },
  { fault: 'connection reset', means: 'away', on: () => both('reset_peer', { timeout: 0 }) },
  { fault: 'reset in the middle of the answer', means: 'away', on: () => ({ answer: halfThenReset }) },
  { fault: 'black hole', means: 'away', on: () => both('timeout', { timeout: 0 }) },
  { fault: 'answers are lost', means: 'away', on: () => down('timeout', { timeout: 0 }) },
  { fault: '1 byte/s', means: 'away', on: () => down('slicer', { average_size: 1, size_variation: 0, delay: 1e6 }) },
  { fault: '30 s latency', means: 'away', on: () => down('latency', { latency: 30_000, jitter: 0 }) },
  { fault: 'name not resolved', means: 'away', on: () => ({ unresolved: true }) },
  { fault: 'TLS certificate expired', means: 'untrusted', on: () => ({ certificate: 'expired' }) },
  { fault: 'TLS certificate of another host', means: 'untrusted', on: () => ({ certificate: 'otherName' }) },
  {
    fault: 'TLS certificate of an unknown authority',
    means: 'untrusted',
    on: () => ({ certificate: 'unknownAuthority' }),
  },
  { fault: '429', means: 'away', on: throttled() },
  { fault: '429, Retry-After 1 s', means: 'away', retryAfterMs: [1000, 1000], on: throttled(() => '1') },
  {
    fault: '429, Retry-After a date in 2 s',
    means: 'away',
    retryAfterMs: [0, 2000],
    on: throttled(() => new Date(Date.now() + 2000).toUTCString()),
  },
  {
    fault: '429, Retry-After 11 days',
    means: 'away',
    retryAfterMs: [950_400_000, 950_400_000],
    on: throttled(() => '950400'),
  },
  { fault: '500', means: 'away', on: instead((side) => json(500, REFUSALS[side][500])) },
  { fault: '503 with HTML', means: 'away', on: instead(() => html(503, 'Service Unavailable')) },
  { fault: '200 with HTML', means: 'foreign', on: instead(() => html(200, 'Welcome to the hotel network')) },
  {
    fault: 'truncated JSON',
    means: 'foreign',
    on: spoilt((answer) => ({ ...answer, body: answer.body.subarray(0, answer.body.length >> 1) })),
  },
  { fault: 'endless body', means: 'foreign', on: () => ({ answer: endless }) },
  {
    fault: 'gzip bomb of 64 MiB',
    means: 'foreign',
    on: instead(() => ({
      status: 200,
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: BOMB,
    })),
  },
  {
    fault: 'wrong content type',
    means: 'served',
    on: spoilt((answer) => ({ ...answer, headers: { ...answer.headers, 'content-type': 'text/html' } })),
  },
];
