import { type StoreOperation, storeChannel, traced } from '../channels.js';
import type { Clock } from '../clock.js';
import type { ElectionStore, SecretProvider } from './provider.js';

/** The same provider; its requests are told to the subscribers of `imsvault:store`. */
export function traceProvider<Ref>(provider: SecretProvider<Ref>, clock: Clock): SecretProvider<Ref> {
  const { name, claimSpreadMs, writeIntervalMs, election } = provider;

  function trace<Args extends unknown[], Result>(
    operation: StoreOperation,
    method: (...args: Args) => Promise<Result>,
    self: unknown = provider,
  ): (...args: Args) => Promise<Result> {
    const describe = () => ({ provider: name, operation });
    return (...args) => traced(storeChannel, clock, describe, () => method.apply(self, args));
  }

  const { replaceSecret, readOtherVersions, putSecret, annotateSecret, login, close } = provider;
  return {
    name,
    ...(claimSpreadMs === undefined ? {} : { claimSpreadMs }),
    ...(writeIntervalMs === undefined ? {} : { writeIntervalMs }),
    describe: (ref) => provider.describe(ref),
    readSecret: trace('read', provider.readSecret),
    ...(replaceSecret && { replaceSecret: trace('replace', replaceSecret) }),
    ...(readOtherVersions && { readOtherVersions: trace('read-others', readOtherVersions) }),
    ...(putSecret && { putSecret: trace('put', putSecret) }),
    ...(annotateSecret && { annotateSecret: trace('annotate', annotateSecret) }),
    ...(login && { login: trace('login', login) }),
    ...(close && { close: () => close.call(provider) }),
    ...(election && { election: traceElection(election) }),
  };

  function traceElection(store: ElectionStore<Ref>): ElectionStore<Ref> {
    return { enter: trace('enter', store.enter, store), list: trace('list', store.list, store) };
  }
}
