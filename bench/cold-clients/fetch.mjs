// By hand, with the fetch of Node.
async function call(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

export async function coldToken({ VAULT_ADDR, VAULT_TOKEN, TOKEN_ENDPOINT }) {
  const headers = { 'x-vault-token': VAULT_TOKEN };
  const { data } = await call(`${VAULT_ADDR}/v1/secret/data/ims/fusion`, { headers });
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'openid,AdobeID', ...data.data });
  const token = await call(TOKEN_ENDPOINT, { method: 'POST', body });
  return token.access_token;
}

if (process.argv[2] === 'print') console.log(await coldToken(process.env));
