// By hand, with undici.
import { request } from 'undici';

async function call(url, options) {
  const { statusCode, body } = await request(url, options);
  if (statusCode !== 200) throw new Error(`${statusCode}`);
  return body.json();
}

export async function coldToken({ VAULT_ADDR, VAULT_TOKEN, TOKEN_ENDPOINT }) {
  const headers = { 'x-vault-token': VAULT_TOKEN };
  const { data } = await call(`${VAULT_ADDR}/v1/secret/data/ims/fusion`, { headers });
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'openid,AdobeID', ...data.data });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const token = await call(TOKEN_ENDPOINT, { method: 'POST', headers: form, body: body.toString() });
  return token.access_token;
}

if (process.argv[2] === 'print') console.log(await coldToken(process.env));
