import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createFakeKv2 } from './fake-kv2.js';

export interface FakeAnswer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface SeenRequest {
  method: string;
  /** Below /v1, with its query. */
  path: string;
  token: string | undefined;
  namespace: string | undefined;
  vaultRequest: string | undefined;
  contentType: string | undefined;
  body: Record<string, unknown>;
}

interface TokenState {
  /** Seconds; 0 never ends. */
  ttl: number;
  renewable: boolean;
}

const denied: FakeAnswer = { status: 403, body: { errors: ['permission denied'] } };
const noHandler = (path: string): FakeAnswer => ({
  status: 404,
  body: { errors: [`no handler for route "${path}". route entry not found.`] },
});

/** The part of Vault's HTTP API that the provider uses, as strict about tokens, paths and bodies as the real one. */
export async function startFakeVault() {
  const kv2 = createFakeKv2();
  const kv1 = new Map<string, Record<string, unknown>>();
  const tokens = new Map<string, TokenState>();
  const wrapped = new Map<string, string>();
  const requests: SeenRequest[] = [];
  let logins = 0;

  const state = {
    requests,
    kv1,
    tokens,
    /** wrapping token → secret id; removed when it is used */
    wrapped,
    roleId: 'role-id-1',
    secretId: 'hvs-SECRET-ID-marked',
    grant: { ttl: 3600, renewable: true } as TokenState,
    /** What renew-self gives, in seconds; undefined refuses. */
    renewedTtl: 3600 as number | undefined,
    /** May the tokens ask for the mount's version? */
    mountsVisible: true,
    /** Answers in the place of everything else, where it gives something. */
    override: undefined as ((request: SeenRequest) => FakeAnswer | undefined) | undefined,
    hang: false,
    /** Awaited before each answer is written. */
    beforeAnswer: undefined as ((request: SeenRequest) => Promise<void>) | undefined,
    /** Paths below /v1 that the policy denies. */
    deniedPaths: new Set<string>(),
    kv2,
    /** Whether the answer to a request, which took effect, is lost on its way. */
    losesAnswer: (_request: SeenRequest) => false,
    /** Bytes of a body, as the listener's `max_request_size`. */
    maxRequestBytes: 32 * 1024 * 1024,
    count: (part: string) => requests.filter(({ path }) => path.startsWith(part)).length,
  };

  function loginWith(): FakeAnswer {
    const token = `hvs.FAKE-marked-${++logins}`;
    tokens.set(token, { ...state.grant });
    return {
      status: 200,
      body: { auth: { client_token: token, lease_duration: state.grant.ttl, renewable: state.grant.renewable } },
    };
  }

  function answer(request: SeenRequest): FakeAnswer {
    const overridden = state.override?.(request);
    if (overridden !== undefined) return overridden;
    const url = new URL(request.path, 'http://fake');
    const path = decodeURIComponent(url.pathname.slice(1));
    const { body } = request;

    if (path === 'sys/wrapping/unwrap') {
      const secretId = wrapped.get(request.token ?? '');
      if (secretId === undefined) {
        return { status: 400, body: { errors: ['wrapping token is not valid or does not exist'] } };
      }
      wrapped.delete(request.token ?? '');
      return { status: 200, body: { data: { secret_id: secretId, secret_id_accessor: 'a' } } };
    }
    if (path === 'auth/approle/login') {
      return body.role_id === state.roleId && body.secret_id === state.secretId
        ? loginWith()
        : { status: 400, body: { errors: ['invalid role or secret ID'] } };
    }
    if (path === 'auth/kubernetes/login' || path === 'auth/ci/login') {
      return body.role === 'ims' && body.jwt === 'eyJ.JWT-marked.sig' ? loginWith() : denied;
    }
    if (path.startsWith('auth/') && path.endsWith('/login')) return noHandler(path);

    const token = tokens.get(request.token ?? '');
    if (token === undefined) return denied;
    if (state.deniedPaths.has(path)) return denied;
    if (path === 'auth/token/lookup-self') {
      return { status: 200, body: { data: { ttl: token.ttl, creation_ttl: token.ttl, renewable: token.renewable } } };
    }
    if (path === 'auth/token/renew-self') {
      if (state.renewedTtl === undefined || !token.renewable) {
        return { status: 400, body: { errors: ['lease is not renewable'] } };
      }
      return {
        status: 200,
        body: { auth: { client_token: request.token, lease_duration: state.renewedTtl, renewable: true } },
      };
    }
    if (path.startsWith('sys/internal/ui/mounts/')) {
      const mount = path.slice('sys/internal/ui/mounts/'.length);
      if (!state.mountsVisible || !['secret', 'kv1', 'pki'].includes(mount)) return denied;
      const options = mount === 'secret' ? { version: '2' } : null;
      return { status: 200, body: { data: { type: mount === 'pki' ? 'pki' : 'kv', options, path: `${mount}/` } } };
    }
    if (path.startsWith('secret/')) {
      const answered = kv2.answer(path.slice('secret/'.length), url.searchParams, request);
      return (
        answered ?? {
          status: 404,
          body: { warnings: ['Invalid path for a versioned K/V secrets engine. See the API docs.'] },
        }
      );
    }
    if (path.startsWith('kv1/')) {
      // Any name and any body: also "data/…" with what version 2 wants.
      if (request.method === 'POST') {
        kv1.set(path.slice('kv1/'.length), body);
        return { status: 204 };
      }
      const data = kv1.get(path.slice('kv1/'.length));
      return data === undefined
        ? { status: 404, body: { errors: [] } }
        : { status: 200, body: { lease_duration: 2764800, data } };
    }
    return noHandler(path);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const header = (name: string) => request.headers[name] as string | undefined;
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: (request.url ?? '').replace(/^\/v1\//, '/').replace(/^\//, ''),
      token: header('x-vault-token'),
      namespace: header('x-vault-namespace'),
      vaultRequest: header('x-vault-request'),
      contentType: header('content-type'),
      body: text === '' ? {} : JSON.parse(text),
    };
    requests.push(seen);
    if (state.hang) return;
    const isTooLarge = Buffer.byteLength(text) > state.maxRequestBytes;
    const tooLarge = { status: 413, body: { errors: ['http: request body too large'] } };
    const { status, body, headers = {} }: FakeAnswer = isTooLarge ? tooLarge : answer(seen);
    if (state.losesAnswer(seen)) {
      request.socket.resetAndDestroy();
      return;
    }
    await state.beforeAnswer?.(seen);
    const raw = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(raw);
  }

  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');

  return Object.assign(state, {
    address: `http://127.0.0.1:${address.port}`,
    host: `127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

export type FakeVault = Awaited<ReturnType<typeof startFakeVault>>;
