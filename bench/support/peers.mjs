// What imsvault is compared with: each in the way that its documentation shows for calls that come again and again.
// `open(env)` gives `getToken`, and `client`, the object that a program would hold. `how` is said in the page.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Runs one of them: `node PEER_PROGRAM KEY print`. */
export const PEER_PROGRAM = fileURLToPath(new URL('peer-process.mjs', import.meta.url));

const SCOPE = 'openid,AdobeID';
const ORG = 'ABC@AdobeOrg';
export const SECRET = 'bench-client-secret';
const ID = 'bench-client-id';

const form = (fields) => new URLSearchParams(fields).toString();

/** A token by hand, for those that cache whatever one gives them. */
async function exchange({ TOKEN_SERVER }) {
  const body = { grant_type: 'client_credentials', client_id: ID, client_secret: SECRET, scope: SCOPE };
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const response = await fetch(`${TOKEN_SERVER}/ims/token/v3`, { method: 'POST', headers, body: form(body) });
  return response.json();
}

export const PEERS = {
  imsvault: {
    name: '`imsvault`',
    how: '`provider.getToken()`',
    async open({ TOKEN_SERVER }) {
      const { createTokenProvider } = await import('../../dist/index.js');
      const config = {
        ims: { tokenEndpoint: `${TOKEN_SERVER}/ims/token/v3` },
        credentials: { provider: 'env' },
      };
      const client = createTokenProvider(config, { env: { FUSION_CLIENT_ID: ID, FUSION_CLIENT_SECRET: SECRET } });
      return { client, getToken: () => client.getToken(), peekToken: () => client.peekToken() };
    },
    tokenOf: ({ accessToken }) => accessToken,
  },
  'core-auth': {
    name: '`@adobe/aio-lib-core-auth`',
    how: '`generateAccessToken(params)`',
    async open({ TOKEN_SERVER }) {
      const { default: coreAuth } = await import('@adobe/aio-lib-core-auth');
      // It names Adobe's host itself.
      const ownFetch = globalThis.fetch;
      globalThis.fetch = (_url, options) => ownFetch(`${TOKEN_SERVER}/ims/token/v2`, options);
      const params = { clientId: ID, clientSecret: SECRET, orgId: ORG, scopes: SCOPE.split(',') };
      return { getToken: () => coreAuth.generateAccessToken(params) };
    },
    tokenOf: ({ access_token: token }) => token,
  },
  'aio-lib-ims': {
    name: '`@adobe/aio-lib-ims`',
    how: '`context.set(name, …)` once, then `getToken(name)`; its cache is a file of the user',
    async open({ TOKEN_SERVER_PROXY }) {
      // It names Adobe's host itself, too, and asks this variable for a way there.
      process.env.HTTPS_PROXY = TOKEN_SERVER_PROXY;
      const { default: ims } = await import('@adobe/aio-lib-ims');
      await ims.context.set('bench', {
        client_id: ID,
        client_secrets: [SECRET],
        technical_account_email: 'bench@techacct.adobe.com',
        technical_account_id: 'bench@techacct.adobe.com',
        scopes: SCOPE.split(','),
        ims_org_id: ORG,
      });
      return { getToken: () => ims.getToken('bench') };
    },
    tokenOf: (token) => token,
  },
  'azure-credential': {
    name: '`@azure/identity`, `ClientSecretCredential`',
    how: '`credential.getToken(scope)`',
    async open({ TOKEN_SERVER }) {
      const { ClientSecretCredential } = await import('@azure/identity');
      const client = new ClientSecretCredential('tenant', ID, SECRET, {
        authorityHost: TOKEN_SERVER,
        disableInstanceDiscovery: true,
      });
      return { client, getToken: () => client.getToken('api://bench/.default') };
    },
    tokenOf: ({ token }) => token,
  },
  'azure-provider': {
    name: '`@azure/identity`, `getBearerTokenProvider`',
    how: '`getBearerTokenProvider(credential, scope)` once, then what it gave',
    async open(env) {
      const { getBearerTokenProvider } = await import('@azure/identity');
      const { client } = await PEERS['azure-credential'].open(env);
      return { client, getToken: getBearerTokenProvider(client, 'api://bench/.default') };
    },
    tokenOf: (token) => token,
  },
  google: {
    name: '`google-auth-library`',
    how: '`OAuth2Client` with a refresh token, which is its one grant that takes another server; `getAccessToken()`',
    async open({ TOKEN_SERVER }) {
      const { OAuth2Client } = await import('google-auth-library');
      const client = new OAuth2Client({
        clientId: ID,
        clientSecret: SECRET,
        endpoints: { oauth2TokenUrl: `${TOKEN_SERVER}/token` },
      });
      client.setCredentials({ refresh_token: 'refresh' });
      return { client, getToken: () => client.getAccessToken() };
    },
    tokenOf: ({ token }) => token,
  },
  'simple-oauth2': {
    name: '`simple-oauth2`',
    how: '`ClientCredentials`; the token kept in a variable, and `token.expired(300)` before each use, as its README shows',
    async open({ TOKEN_SERVER }) {
      const { ClientCredentials } = await import('simple-oauth2');
      const client = new ClientCredentials({
        client: { id: ID, secret: SECRET },
        auth: { tokenHost: TOKEN_SERVER, tokenPath: '/token' },
      });
      let token;
      return {
        client,
        async getToken() {
          if (token === undefined || token.expired(300)) token = await client.getToken({ scope: SCOPE });
          return token;
        },
      };
    },
    tokenOf: ({ token }) => token.access_token,
  },
  'openid-client': {
    name: '`openid-client`',
    how: '`clientCredentialsGrant(config, …)`; it keeps no token',
    keepsNothing: true,
    async open({ TOKEN_SERVER }) {
      const { clientCredentialsGrant, Configuration } = await import('openid-client');
      const server = { issuer: TOKEN_SERVER, token_endpoint: `${TOKEN_SERVER}/token` };
      const client = new Configuration(server, ID, SECRET);
      return { client, getToken: () => clientCredentialsGrant(client, { scope: SCOPE }) };
    },
    tokenOf: ({ access_token: token }) => token,
  },
  badgateway: {
    name: '`@badgateway/oauth2-client`',
    how: '`OAuth2Fetch` with `client.clientCredentials()`; `getAccessToken()`',
    async open({ TOKEN_SERVER }) {
      const { OAuth2Client, OAuth2Fetch } = await import('@badgateway/oauth2-client');
      const oauth = new OAuth2Client({
        server: TOKEN_SERVER,
        clientId: ID,
        clientSecret: SECRET,
        tokenEndpoint: '/token',
      });
      const client = new OAuth2Fetch({ client: oauth, getNewToken: () => oauth.clientCredentials() });
      return { client, getToken: () => client.getAccessToken() };
    },
    tokenOf: (token) => token,
  },
  smithy: {
    name: '`@smithy/property-provider`',
    how: '`memoize(exchange, isExpired, requiresRefresh)`, five minutes before the end as the AWS clients do; the exchange by `fetch`',
    async open(env) {
      const { memoize } = await import('@smithy/property-provider');
      async function provide() {
        const { access_token: token, expires_in: seconds } = await exchange(env);
        return { token, expiration: Date.now() + seconds * 1000 };
      }
      const client = memoize(
        provide,
        ({ expiration }) => expiration - Date.now() < 300_000,
        ({ expiration }) => expiration !== undefined,
      );
      return { client, getToken: client };
    },
    tokenOf: ({ token }) => token,
  },
  powertools: {
    name: '`@aws-lambda-powertools/parameters`',
    how: 'a `BaseProvider` of one’s own with the exchange by `fetch`; `get(name, { maxAge })`',
    async open(env) {
      const { BaseProvider } = await import('@aws-lambda-powertools/parameters/base');
      class TokenProvider extends BaseProvider {
        async _get() {
          return (await exchange(env)).access_token;
        }
      }
      const client = new TokenProvider({});
      return { client, getToken: () => client.get('token', { maxAge: 86_100 }) };
    },
    tokenOf: (token) => token,
  },
};

/** Which version each is, and how it is called, for the page. */
export function howTheyAreCalled() {
  const { devDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const versionOf = (name) => devDependencies[/^`([^`]+)`/.exec(name)[1]];
  return Object.values(PEERS)
    .map(({ name, how }) => `- ${[name, versionOf(name)].filter(Boolean).join(' ')}: ${how}`)
    .join('\n');
}
