// Packs the package, installs the tarball in an empty folder as a stranger would, and uses it there.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'imsvault-package-'));
const MAX_PACKAGES = 12;

function run(command, args, options = {}) {
  return execFileSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
}

function check(claim, holds) {
  console.log(`${holds ? '✓' : '✗'} ${claim}`);
  if (!holds) process.exitCode = 1;
}

/** Starts the packed emulator and gives its endpoint once it listens. */
async function startEmulator() {
  const child = spawn(process.execPath, [join(folder, 'node_modules/imsvault/bin/imsvault.cjs'), 'emulator'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  // Left open: an emulator that cannot print ends.
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += chunk;
    const endpoint = /http:\/\/127\.0\.0\.1:\d+\/ims\/token\/v3/.exec(output)?.[0];
    if (endpoint !== undefined) {
      child.stdout.resume();
      return { child, endpoint };
    }
  }
  throw new Error(`the emulator did not start:\n${output}`);
}

try {
  const [{ filename, size, unpackedSize, entryCount }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root }),
  );
  console.log(`${filename}: ${size} bytes packed, ${unpackedSize} unpacked, ${entryCount} files`);
  run('npx', ['--no-install', 'publint', '--strict', join(folder, filename)], { cwd: root, stdio: 'inherit' });
  run('npx', ['--no-install', 'attw', join(folder, filename), '--profile', 'esm-only'], {
    cwd: root,
    stdio: 'inherit',
  });

  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  run('npm', ['install', '--no-audit', '--no-fund', `./${filename}`], { stdio: 'inherit' });
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const installed = Object.keys(packages).filter((name) => name !== '' && packages[name].peer !== true);
  check(`installs ${installed.length} packages, at most ${MAX_PACKAGES}`, installed.length <= MAX_PACKAGES);
  check(
    'installs no vendor SDK',
    !readdirSync(join(folder, 'node_modules')).some((name) => /^(node-vault|@aws-sdk|@azure)$/.test(name)),
  );

  const { child, endpoint } = await startEmulator();
  try {
    const env = {
      ...process.env,
      IMSVAULT_CACHE: 'off',
      FUSION_CLIENT_ID: 'emulator-client-id',
      FUSION_CLIENT_SECRET: 'emulator-client-secret',
      IMSVAULT_IMS_TOKEN_ENDPOINT: endpoint,
    };
    const token = run('npx', ['--no-install', 'imsvault', 'token'], { env });
    check('npx imsvault token prints a token and a newline', /^[\w-]+\.[\w-]+\.[\w-]+\n$/.test(token));
    const program = `
      import { createTokenProvider } from 'imsvault';
      import { defineProvider } from 'imsvault/provider';
      import { createTokenDispatcher, createTokenFetch } from 'imsvault/http';
      import { createImsEmulator } from 'imsvault/testing';
      const emulator = await createImsEmulator().start();
      const provider = createTokenProvider({ ims: { tokenEndpoint: emulator.tokenEndpoint } });
      const token = await provider.getToken();
      const options = { allowedOrigins: [emulator.url] };
      const fetched = await createTokenFetch(provider, options)(emulator.url + '/health');
      const dispatcher = await createTokenDispatcher(provider, options);
      const dispatched = await dispatcher.request({ origin: emulator.url, path: '/health', method: 'GET' });
      await Promise.all([fetched.text(), dispatched.body.dump()]);
      await dispatcher.close();
      console.log(emulator.issuedTokens().includes(token.accessToken), emulator.exchanges, typeof defineProvider);
      console.log(fetched.status, dispatched.statusCode);
      await provider.close();
      await emulator.stop();`;
    const library = run(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...env, IMSVAULT_IMS_TOKEN_ENDPOINT: '' },
    });
    check('the library gives the token that the emulator issued', library.startsWith('true 1 function\n'));
    check('imsvault/http sends requests by fetch and by undici', library.endsWith('\n200 200\n'));
    const beside = `
      import { generateAccessToken } from 'imsvault/aio';
      import { registerOpenTelemetry } from 'imsvault/otel';
      const { active } = await registerOpenTelemetry({ onWarning: () => undefined });
      console.log(active, await generateAccessToken({}).catch(({ code }) => code));`;
    check(
      'imsvault/aio and imsvault/otel need no other package',
      run(process.execPath, ['--input-type=module', '-e', beside]) === 'false ERR_CONFIG_INVALID\n',
    );
    const tokenWith = (credentials) => {
      writeFileSync(join(folder, 'imsvault.config.yaml'), `credentials: ${credentials}\n`);
      try {
        return run('npx', ['--no-install', 'imsvault', '--config', 'imsvault.config.yaml', 'token'], {
          env: { ...env, VAULT_TOKEN: 'x' },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      } catch (error) {
        return `${error.status} ${error.stderr}`;
      }
    };
    check(
      'a missing SDK is an error with its install line, exit 2',
      /^2 [\s\S]*ERR_PROVIDER_NOT_INSTALLED.*npm install @aws-sdk\/client-secrets-manager/.test(
        tokenWith('{ provider: aws-secrets-manager, secretId: x, region: eu-west-1 }'),
      ),
    );
    writeFileSync(
      join(folder, 'secrets.json'),
      '{ "one": { "client_id": "emulator-client-id", "client_secret": "emulator-client-secret" } }',
    );
    const byExample = (entry) =>
      tokenWith(
        `{ provider: ./node_modules/imsvault/examples/custom-provider/json-file-provider.mjs, file: secrets.json, entry: ${entry} }`,
      );
    check("what a module of the user's wraps is known", /^[\w-]+\.[\w-]+\.[\w-]+\n$/.test(byExample('one')));
    check('and what it throws, exit 3', /^3 [\s\S]*ERR_SECRET_NOT_FOUND.*has no entry/.test(byExample('two')));
    check(
      'Vault needs none, and is asked, exit 5',
      /^5 [\s\S]*ERR_SECRET_UNAVAILABLE.*refused/.test(
        tokenWith('{ provider: vault, address: "http://127.0.0.1:1", path: x }'),
      ),
    );
  } finally {
    child.kill();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
