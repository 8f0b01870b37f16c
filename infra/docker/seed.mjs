// Puts the emulator's credential into the stores of infra/compose.yaml, as an administrator would.
// Usage: node seed.mjs vault|aws|azure…
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:tls';

const credential = JSON.stringify({ client_id: 'emulator-client-id', client_secret: 'emulator-client-secret' });

const seeds = {
  async vault({ VAULT_ADDR, VAULT_TOKEN }) {
    await sent(
      await fetch(`${VAULT_ADDR}/v1/secret/data/ims/fusion`, {
        method: 'POST',
        headers: { 'X-Vault-Token': VAULT_TOKEN },
        body: JSON.stringify({ data: JSON.parse(credential) }),
      }),
    );
  },

  async aws({ AWS_ENDPOINT_URL, AWS_REGION }) {
    const { CreateSecretCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
    const client = new SecretsManagerClient({ endpoint: AWS_ENDPOINT_URL, region: AWS_REGION });
    await client.send(new CreateSecretCommand({ Name: 'ims/fusion', SecretString: credential }));
  },

  async azure({ KEY_VAULT_URL, KEY_VAULT_CA_FILE, IDENTITY_ENDPOINT, IDENTITY_HEADER }) {
    // The emulator's own certificate, so that imsvault checks it as it would a real one.
    const { hostname, port } = new URL(KEY_VAULT_URL);
    const ca = await untilItAnswers(() => certificateOf(hostname, Number(port)));
    writeFileSync(KEY_VAULT_CA_FILE, ca);
    const answer = await sent(
      await fetch(`${IDENTITY_ENDPOINT}?resource=https://vault.azure.net&api-version=2019-08-01`, {
        headers: { 'X-IDENTITY-HEADER': IDENTITY_HEADER },
      }),
    );
    const { access_token: token } = await answer.json();
    await put(`${KEY_VAULT_URL}/secrets/ims-fusion?api-version=7.5`, token, ca, JSON.stringify({ value: credential }));
  },
};

for (const name of process.argv.slice(2)) {
  await seeds[name](process.env);
  console.log(`${name}: has the credential`);
}

/** For a minute. */
async function untilItAnswers(ask) {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function sent(response) {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response;
}

function certificateOf(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: host, rejectUnauthorized: false }, () => {
      const body = socket.getPeerCertificate().raw.toString('base64').replace(/.{64}/g, '$&\n');
      socket.end();
      resolve(`-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`);
    });
    socket.once('error', reject);
  });
}

function put(url, token, ca, body) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sending = request(url, { method: 'PUT', ca, headers }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`${url}: ${response.statusCode}`));
    });
    sending.once('error', reject).end(body);
  });
}
