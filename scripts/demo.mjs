// The main job on the embedded default: the env provider, and an emulator in place of Adobe IMS.
// Exits with 1 when a step does not show what it claims.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTokenProvider } from '../dist/index.js';
import { createImsEmulator } from '../dist/testing.js';

const LIFE_SECONDS = 10;
const CLIENT_ID = 'demo-client-id';
const SCOPE = 'openid,AdobeID,profile,additional_info.projectedProductContext';

const printed = [];
function say(line = '') {
  printed.push(line);
  console.log(line);
}
function claim(text, holds) {
  say(`${holds ? '✓' : '✗'} ${text}`);
  if (!holds) throw new Error(`the demo does not show this: ${text}`);
}
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

const clientSecret = randomUUID();
const emulator = createImsEmulator({
  clients: [{ clientId: CLIENT_ID, clientSecrets: [clientSecret] }],
  expiresInSeconds: LIFE_SECONDS,
  log: (line) => say(`    ${line}`),
});
await emulator.start();
const provider = createTokenProvider(
  { ims: { tokenEndpoint: emulator.tokenEndpoint }, credentials: { provider: 'env' } },
  {
    // In your shell: export FUSION_CLIENT_ID=… FUSION_CLIENT_SECRET=…
    env: { FUSION_CLIENT_ID: CLIENT_ID, FUSION_CLIENT_SECRET: clientSecret },
    onWarning: (message) => say(`  warning: ${message}`),
  },
);

try {
  say('imsvault demo: environment variables → credential → IMS → access token');
  say(`An IMS emulator answers at ${emulator.tokenEndpoint}; it is not Adobe. Its tokens live ${LIFE_SECONDS} s.`);

  say('\n1. The first call exchanges the credential for a token.');
  const startedAt = performance.now();
  const first = await provider.getToken();
  const coldMs = performance.now() - startedAt;
  claim(`IMS issued this token, in ${coldMs.toFixed(0)} ms`, emulator.isIssued(first.accessToken));
  claim('one exchange was made', emulator.exchanges === 1);

  say('\n2. Further calls get it from memory.');
  const againAt = performance.now();
  const second = await provider.getToken();
  const warmMs = performance.now() - againAt;
  claim(`the second call gave the same token, in ${warmMs.toFixed(2)} ms`, second.accessToken === first.accessToken);
  const many = await Promise.all(Array.from({ length: 1000 }, () => provider.getToken()));
  claim(
    '1,000 calls at once gave it too',
    many.every((token) => token.accessToken === first.accessToken),
  );
  claim('still one exchange', emulator.exchanges === 1);

  say(`\n3. It is renewed before it expires; callers go on without a gap. (Up to ${LIFE_SECONDS} s.)`);
  const deadline = first.expiresAt + 1000;
  let token = first;
  let calls = 0;
  let expired = 0;
  while (token.accessToken === first.accessToken && Date.now() < deadline) {
    await sleep(100);
    token = await provider.getToken();
    calls++;
    if (token.expiresAt <= Date.now()) expired++;
  }
  const leftMs = first.expiresAt - Date.now();
  claim(`a new token after ${calls} calls, ${seconds(leftMs)} before the first one expires`, leftMs > 0);
  claim('IMS issued the new one', emulator.isIssued(token.accessToken) && token.accessToken !== first.accessToken);
  claim('no call got an expired token', expired === 0);
  claim('two exchanges in all', emulator.exchanges === 2);

  say('\n4. What imsvault knows of the token.');
  claim('IMS says that it is valid', isValid(token.accessToken));
  const claims = JSON.parse(Buffer.from(token.accessToken.split('.')[1], 'base64url').toString());
  claim(
    'its facts are those that IMS put into it',
    claims.client_id === token.clientId &&
      claims.scope === token.scope.join(',') &&
      Math.abs(Number(claims.created_at) + Number(claims.expires_in) - token.expiresAt) < 1000,
  );
  claim('it has the scopes of Workfront Fusion', token.scope.join(',') === SCOPE);
  say(`    token type  ${token.tokenType}`);
  say(`    client id   ${token.clientId}`);
  say(`    scope       ${token.scope.join(', ')}`);
  say(`    issued at   ${new Date(token.issuedAt).toISOString()}`);
  say(`    expires at  ${new Date(token.expiresAt).toISOString()}, in ${seconds(token.expiresAt - Date.now())}`);
  say(`    the token   ${token.accessToken.length} characters, not shown`);
  const output = printed.join('\n');
  claim(
    'neither the client secret nor a token was printed',
    ![clientSecret, ...emulator.issuedTokens()].some((secret) => output.includes(secret)),
  );
  say('\nDone.');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await provider.close();
  await emulator.stop();
}

/** Asks the emulator's validate_token, without a socket. */
function isValid(accessToken) {
  const reply = emulator.handle({
    method: 'POST',
    path: '/ims/validate_token/v1',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-ims-clientid': CLIENT_ID },
    body: new URLSearchParams({ type: 'access_token', client_id: CLIENT_ID, token: accessToken }).toString(),
  });
  return reply.kind === 'answer' && JSON.parse(reply.body).valid === true;
}
