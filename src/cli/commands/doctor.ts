import { systemClock } from '../../clock.js';
import { openTokenEngine, type TokenEngine } from '../../engine/token-engine.js';
import { ConfigInvalidError, ImsvaultError } from '../../errors.js';
import { createHttpClient, type HttpClient } from '../../net/http-client.js';
import { isLoopbackHost } from '../../net/loopback.js';
import { type Checkup, createCheckup, type Finding, formatStep } from '../checkup.js';
import { EXIT, exitCodeFor } from '../exit-codes.js';
import { type GlobalOptions, type Io, loadOptions } from '../io.js';
import { printWarning } from '../print-error.js';
import { readStoredFacts, type StoredFacts } from '../token-facts.js';
import { checkImsNetwork } from './doctor-network.js';
import { type ProbeOptions, probeFusion } from './doctor-probe.js';
import { checkStores } from './doctor-store.js';

export interface DoctorOptions extends GlobalOptions, ProbeOptions {
  /** False with `--no-exchange`. */
  exchange: boolean;
  probe?: boolean;
  output: 'text' | 'json';
}

/** Tries every step on the way to a token, and goes on where a step's failure does not keep the next from being tried. */
export async function runDoctor(options: DoctorOptions, io: Io): Promise<number> {
  const text = options.output === 'text';
  const checkup = createCheckup(systemClock, io.signal, (result) => {
    if (text) io.stdout(formatStep(result));
  });
  const engine = await checkup.step('config', async () => {
    checkProbeUrl(options);
    const value = await openTokenEngine(loadOptions(options, io), {
      clock: systemClock,
      random: Math.random,
      warn: (message) => printWarning(message, io, options.output),
    });
    return { value, detail: describeConfig(value) };
  });
  if (engine !== undefined) {
    const http = createHttpClient(systemClock, engine.openDeps.proxy, { maxResponseBytes: 10 * 1024 * 1024 });
    try {
      await examine(checkup, engine, http, options, io.signal);
    } finally {
      await Promise.all([engine.close(), http.close()]);
    }
  }
  io.signal.throwIfAborted();
  const failed = checkup.firstError !== undefined;
  if (text) io.stdout(failed ? '\nNot everything works; see ✗ above.\n' : '\nEverything works.\n');
  else io.stdout(`${JSON.stringify({ ok: !failed, steps: checkup.results }, undefined, 2)}\n`);
  return failed ? exitCodeFor(checkup.firstError) : EXIT.done;
}

async function examine(
  checkup: Checkup,
  engine: TokenEngine,
  http: HttpClient,
  options: DoctorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { profile, openDeps, exchanger } = engine;
  const { credentials } = engine;
  if (credentials === undefined) checkup.skip('credential', 'a consumer has none');
  const credential = credentials === undefined ? undefined : await checkStores(checkup, credentials, openDeps, signal);
  const { tokenStore } = profile;
  if (tokenStore !== undefined) {
    await checkup.step('token store', async () =>
      describeStored(await readStoredFacts(tokenStore, profile, openDeps, signal), credentials === undefined),
    );
  }
  await checkup.step('IMS: network', async () => ({
    ...(await checkImsNetwork(profile.ims.tokenEndpoint, engine.imsHttp, openDeps.proxy, systemClock, signal)),
  }));
  if (!options.exchange) return checkup.skip('IMS: exchange', '--no-exchange');
  // A gateway may let the token endpoint alone through: the exchange is tried whatever the network step found.
  if (credential === undefined) return checkup.skip('IMS: exchange', 'it needs the credential');
  const token = await checkup.step('IMS: exchange', async () => {
    const { token: value } = await exchanger.exchange(credential, signal);
    const minutes = Math.round((value.expiresAt - value.issuedAt) / 60_000);
    return { value, detail: `a token for ${minutes} min, scope ${value.scope.join(',')}` };
  });
  if (options.probe !== true) return;
  if (token === undefined) return checkup.skip('Fusion: probe', 'it needs a token');
  await checkup.step('Fusion: probe', () => probeFusion(token, options, http, signal));
}

/**
 * It is read only: that it can be written shows when a token is renewed.
 * @throws ERR_TOKEN_WAIT_TIMEOUT where a consumer finds no token that lives
 */
function describeStored({ place, generation, token, lastFailure }: StoredFacts, isConsumer: boolean): Finding {
  if (isConsumer && (token === undefined || token.leftMs <= 0)) {
    const state = token === undefined ? 'no token yet' : 'its token has ended';
    throw new ImsvaultError('ERR_TOKEN_WAIT_TIMEOUT', `${place}: ${state}, and a consumer can get none by itself`, {
      hint: 'See that a process that renews this token runs; imsvault doctor tries its steps there.',
    });
  }
  const detail =
    token === undefined ? 'no token yet' : `generation ${generation}, ${Math.round(token.leftMs / 60_000)} min left`;
  if (lastFailure === undefined) return { detail: `${place}: ${detail}` };
  return { detail: `${place}: ${detail}; the last renewal failed with ${lastFailure.code}`, warning: true };
}

function describeConfig({ profile }: TokenEngine): string {
  const file = profile.configFile ?? 'no config file; defaults and environment';
  const { credentials } = profile;
  const provider =
    credentials === undefined ? 'no credentials: a consumer of tokens' : `provider ${credentials.provider}`;
  return `${file}${profile.name === undefined ? '' : `, profile ${profile.name}`}, ${provider}`;
}

/** The token goes there, so it must be as safe as the token endpoint. */
function checkProbeUrl({ probe, probeUrl }: DoctorOptions): void {
  if (probe !== true) return;
  const url = URL.canParse(probeUrl) ? new URL(probeUrl) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname))) return;
  throw new ConfigInvalidError([{ path: '--probe-url', message: 'must be an https:// URL' }]);
}
