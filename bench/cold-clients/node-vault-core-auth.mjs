// node-vault, then @adobe/aio-lib-core-auth, as their documentation calls them.
import coreAuth from '@adobe/aio-lib-core-auth';
import nodeVault from 'node-vault';

const { generateAccessToken, invalidateCache } = coreAuth;

export async function coldToken({ VAULT_ADDR, VAULT_TOKEN, TOKEN_ENDPOINT }) {
  redirectTo(TOKEN_ENDPOINT);
  invalidateCache();
  const vault = nodeVault({ endpoint: VAULT_ADDR, token: VAULT_TOKEN });
  const { data } = await vault.read('secret/data/ims/fusion');
  const { client_id: clientId, client_secret: clientSecret } = data.data;
  const orgId = 'ABC@AdobeOrg';
  const token = await generateAccessToken({ clientId, clientSecret, orgId, scopes: ['openid', 'AdobeID'] });
  return token.access_token;
}

/** It names Adobe's host itself. */
const ownFetch = globalThis.fetch;
function redirectTo(endpoint) {
  globalThis.fetch = (_url, options) => ownFetch(endpoint, options);
}

if (process.argv[2] === 'print') console.log(await coldToken(process.env));
