import { createTokenProvider } from '../../dist/index.js';

export async function coldToken({ VAULT_ADDR, VAULT_TOKEN, TOKEN_ENDPOINT }) {
  const auth = { method: 'token', token: VAULT_TOKEN };
  const provider = createTokenProvider({
    ims: { tokenEndpoint: TOKEN_ENDPOINT },
    credentials: { provider: 'vault', address: VAULT_ADDR, path: 'ims/fusion', auth },
  });
  const { accessToken } = await provider.getToken();
  // Not awaited: the token is there.
  provider.close();
  return accessToken;
}
