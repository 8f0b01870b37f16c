import type { ProviderBlock, SingleProvider } from '../../config/load.js';
import { type OpenDeps, openProvider, translate } from '../../config/open.js';
import { DeadlineExceeded, withDeadline } from '../../deadline.js';
import { type Credential, parseCredential } from '../../secret/credential.js';
import { noAnswer } from '../../secret/no-answer.js';
import type { SecretProvider } from '../../secret/provider.js';
import { isNotHere } from '../../secret/provider-chain.js';
import type { Checkup, Finding } from '../checkup.js';
import { describeSkew } from './doctor-skew.js';

/**
 * Opens, logs in, reads and looks at the secret, store by store, until one has the credential.
 * @returns the credential, or undefined when a step failed
 */
export async function checkStores(
  checkup: Checkup,
  block: ProviderBlock,
  deps: OpenDeps,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  const links = 'links' in block ? block.links : [block];
  for (const [index, link] of links.entries()) {
    const outcome = await checkStore(checkup, link, deps, signal, index < links.length - 1);
    if (outcome !== 'not here') return outcome;
  }
  return undefined;
}

async function checkStore(
  checkup: Checkup,
  block: SingleProvider,
  deps: OpenDeps,
  signal: AbortSignal,
  goesOn: boolean,
): Promise<Credential | 'not here' | undefined> {
  let notHere = false;

  /** Where another link follows, "not here" is a finding and not a failure. */
  function step<T>(
    name: string,
    run: (bounded: AbortSignal) => Promise<Finding & { value: T }>,
  ): Promise<T | undefined> {
    return checkup.step<T>(`${block.provider}: ${name}`, async () => {
      try {
        return await withDeadline(deps.clock, block.timeoutMs, signal, run);
      } catch (error) {
        if (error instanceof DeadlineExceeded) throw noAnswer(block.provider, error);
        const ours = translate(error, block.provider);
        if (!goesOn || !isNotHere(ours)) throw ours;
        notHere = true;
        return { detail: `${ours.message}; the chain goes on`, warning: true };
      }
    });
  }

  async function look(provider: SecretProvider<object>): Promise<Credential | undefined> {
    const { login } = provider;
    if (login !== undefined) {
      const loggedIn = await step('login', async (bounded) => ({
        detail: await login({ signal: bounded }),
        value: true,
      }));
      if (loggedIn === undefined) return undefined;
    }
    const place = provider.describe(block.ref);
    const version = await step('read', async (bounded) => {
      const value = await provider.readSecret(block.ref, { signal: bounded, fresh: true });
      const skew = describeSkew(value.serverTime, deps.clock.now());
      return {
        value,
        detail: `${place}, version ${value.id}${value.stage === undefined ? '' : ` (${value.stage})`}${skew.text}`,
        warning: skew.warning,
      };
    });
    if (version === undefined) return undefined;
    return step('shape', async () => {
      const value = parseCredential(version.value, place, block.fields);
      return { value, detail: describeCredential(value) };
    });
  }

  const provider = await step('open', async () => ({
    detail: 'loaded and configured',
    value: await openProvider(block, deps),
  }));
  if (provider === undefined) return notHere ? 'not here' : undefined;
  try {
    return (await look(provider)) ?? (notHere ? 'not here' : undefined);
  } finally {
    await provider.close?.();
  }
}

function describeCredential({ clientId, clientSecrets, scope, orgId }: Credential): string {
  const secrets = clientSecrets.length === 1 ? 'one client secret' : `${clientSecrets.length} client secrets`;
  return [
    `client id ${clientId}`,
    secrets,
    ...(scope === undefined ? [] : [`scope ${scope.join(',')}`]),
    ...(orgId === undefined ? [] : [`organisation ${orgId}`]),
  ].join(', ');
}
