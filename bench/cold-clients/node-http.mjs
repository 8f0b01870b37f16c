// By hand, on node:http and node:https.
export async function call(url, { method = 'GET', headers = {}, body, agent } = {}) {
  const { request } = await import(url.startsWith('https:') ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () =>
        response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`${response.statusCode}`)),
      );
      response.on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}

/** @param agentOfIms default: that of all requests */
export async function coldToken({ VAULT_ADDR, VAULT_TOKEN, TOKEN_ENDPOINT }, agentOfIms) {
  const headers = { 'x-vault-token': VAULT_TOKEN };
  const { data } = await call(`${VAULT_ADDR}/v1/secret/data/ims/fusion`, { headers });
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'openid,AdobeID', ...data.data });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const options = { method: 'POST', headers: form, body: body.toString(), agent: agentOfIms };
  const token = await call(TOKEN_ENDPOINT, options);
  return token.access_token;
}

if (process.argv[2] === 'print') console.log(await coldToken(process.env));
