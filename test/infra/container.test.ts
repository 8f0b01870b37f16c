import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getuid } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createImsEmulator, type ImsEmulator } from '../../src/testing/index.js';
import { type Moto, startMoto } from '../live/servers/moto.js';
import { startOpenBao, type VaultServer } from '../live/servers/openbao.js';
import { describeWith } from './tools.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const docker = join(root, 'infra/docker');
const dockerfile = readFileSync(join(docker, 'Dockerfile'), 'utf8');
/** What the image is given of the repository. */
const context = readFileSync(join(docker, 'Dockerfile.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

const folder = mkdtempSync(join(tmpdir(), 'imsvault-container-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function instruction(name: string): string {
  const found = dockerfile
    .replaceAll('\\\n', ' ')
    .match(new RegExp(`^${name} (.*)$`, 'gm'))
    ?.at(-1);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.slice(name.length + 1);
}

describeWith('hadolint', 'the Dockerfile', (hadolint) => {
  it('satisfies hadolint', () => {
    expect(hadolint('--failure-threshold', 'style', join(docker, 'Dockerfile'))).toBe('');
  });

  it('runs as a user that is a number and not root', () => {
    expect(instruction('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('is given files that exist, and neither git, tests nor packages', () => {
    expect(context.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(context.join('\n')).not.toMatch(/node_modules|\.git|test/);
  });
});

/** A mount and a network of its own, for a test that may not disturb the machine. */
function canIsolate(): boolean {
  if (getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', '--net', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('what the image holds', () => {
  const source = join(folder, 'src');
  const app = join(folder, 'app');
  const sdks = /ARG SDKS="([^"]+)"/.exec(dockerfile)?.[1]?.split(' ') ?? [];
  const sh = (command: string, args: string[], cwd: string) =>
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  beforeAll(() => {
    for (const path of context) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      cpSync(join(root, path), join(source, path), { recursive: true });
    }
    // The steps of the stage `build`.
    sh('npm', ['ci', '--ignore-scripts', '--prefer-offline'], source);
    sh('infra/docker/assemble.sh', [app, ...sdks], source);
    execFileSync('chmod', ['-R', 'a+rX', folder]);
  }, 300_000);

  it('is the program and the vendors’ packages, in the versions of the lockfile', () => {
    type Packages = Record<string, { version: string; integrity: string }>;
    const packagesOf = (file: string) => (JSON.parse(readFileSync(file, 'utf8')) as { packages: Packages }).packages;
    const locked = packagesOf(join(root, 'package-lock.json'));
    const installed = packagesOf(join(app, 'node_modules/.package-lock.json'));
    for (const sdk of sdks) expect(installed).toHaveProperty([`node_modules/${sdk}`]);
    for (const [path, { version, integrity }] of Object.entries(installed)) {
      expect({ path, version, integrity }).toEqual({
        path,
        version: locked[path]?.version,
        integrity: locked[path]?.integrity,
      });
    }
    expect(Object.keys(installed)).not.toContain('node_modules/vitest');
    expect(sh('node', ['bin/imsvault.cjs', '--version'], app)).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  const isolated = canIsolate();
  if (!isolated) console.warn('skipped: the start of the image: it takes root, unshare and ip');
  it.skipIf(!isolated && !process.env.CI)(
    'starts as that user on a read-only disk, is healthy, gives a token, and stops',
    () => {
      const config = join(folder, 'imsvault.config.yaml');
      writeFileSync(
        config,
        "ims: { tokenEndpoint: 'http://127.0.0.1:8081/ims/token/v3' }\ncredentials: { provider: env }\n",
      );
      const player = join(folder, 'in-container.mjs');
      cpSync(fileURLToPath(new URL('support/in-container.mjs', import.meta.url)), player);
      const uid = instruction('USER').split(':')[0] as string;
      const seen = execFileSync(
        'unshare',
        [
          '--mount',
          '--net',
          'sh',
          '-euc',
          `ip link set lo up
         mount -t tmpfs tmpfs /run && mkdir -m 0700 /run/imsvault && chown ${uid}:${uid} /run/imsvault
         mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" && cd /
         exec setpriv --reuid=${uid} --regid=${uid} --clear-groups --no-new-privs --bounding-set=-all "$0" "$1" "$2" "$3" "$4"`,
          process.execPath,
          player,
          app,
          instruction('CMD'),
          instruction('HEALTHCHECK').replace(/^.*?CMD /, ''),
        ],
        {
          encoding: 'utf8',
          env: {
            PATH: process.env.PATH,
            HOME: '/nonexistent',
            NODE_ENV: 'production',
            IMSVAULT_CACHE: 'off',
            IMSVAULT_CONFIG: config,
            FUSION_CLIENT_ID: 'emulator-client-id',
            FUSION_CLIENT_SECRET: 'emulator-client-secret',
          },
          timeout: 60_000,
        },
      );
      expect(JSON.parse(seen)).toEqual({
        uid: Number(uid),
        status: 200,
        mode: '600',
        exitCode: 0,
        unhealthy: true,
        readOnly: true,
      });
    },
  );

  describe('with the stores of compose.yaml', () => {
    let vault: VaultServer;
    let moto: Moto;
    let ims: ImsEmulator;
    let environment: Record<string, string | undefined>;
    let config: string;
    // Not execFileSync: the relay before moto runs in this process.
    const node = async (...args: string[]) => (await promisify(execFile)('node', args, { env: environment })).stdout;

    beforeAll(async () => {
      [vault, moto, ims] = await Promise.all([startOpenBao(), startMoto(), createImsEmulator().start()]);
      const { accessKeyId, secretAccessKey } = await moto.createUser('stage', ['secretsmanager:*']);
      environment = {
        PATH: process.env.PATH,
        HOME: folder,
        IMSVAULT_CACHE: 'off',
        VAULT_ADDR: vault.address,
        VAULT_TOKEN: vault.adminToken,
        AWS_ENDPOINT_URL: moto.endpoint,
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      };
      config = join(folder, 'compose.config.yaml');
      writeFileSync(
        config,
        readFileSync(join(docker, 'compose.config.yaml'), 'utf8')
          .replaceAll('http://127.0.0.1:8200', vault.address)
          .replaceAll('http://127.0.0.1:5000', moto.endpoint)
          .replaceAll('http://127.0.0.1:8081/ims/token/v3', ims.tokenEndpoint),
      );
      cpSync(join(docker, 'seed.mjs'), join(app, 'seed.mjs'));
    });
    afterAll(() => Promise.all([vault?.close(), moto?.close(), ims?.stop()]));

    it('seeds them, and gets a token by each, from each token store', async () => {
      await node(join(app, 'seed.mjs'), 'vault', 'aws');
      for (const profile of ['vault', 'aws']) {
        const token = () => node(join(app, 'bin/imsvault.cjs'), '--config', config, '--profile', profile, 'token');
        const first = await token();
        expect(ims.issuedTokens()).toContain(first.trim());
        expect(await token()).toBe(first);
      }
    });
  });
});

interface ComposeService {
  image: string;
  build?: object;
  network_mode?: string;
  read_only?: boolean;
  cap_drop?: string[];
  ports?: unknown;
  environment?: Record<string, string>;
}

describeWith('check-jsonschema', 'compose.yaml', (check) => {
  const file = join(root, 'infra/compose.yaml');
  const { services } = parse(readFileSync(file, 'utf8'), { merge: true }) as {
    services: Record<string, ComposeService>;
  };

  it('is a compose file', () => {
    expect(check('--builtin-schema', 'vendor.compose-spec', file)).toContain('ok');
  });

  it('names a version of each image', () => {
    for (const { image } of Object.values(services)) expect(image).toMatch(/:\d+\.\d+\.\d+$/);
  });

  it('keeps everything on one loopback, and shows nothing to other machines', () => {
    for (const [name, { network_mode, ports }] of Object.entries(services)) {
      expect({ name, network_mode }).toEqual({ name, network_mode: name === 'ims' ? undefined : 'service:ims' });
      expect(ports).toBeUndefined();
    }
  });

  it('locks down what is ours', () => {
    const ours = Object.values(services).filter(({ image }) => image.startsWith('imsvault:'));
    expect(ours).toHaveLength(4);
    for (const service of ours) expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  });
});
