import { isLoopbackHost } from '../../src/net/loopback.js';

/** What is wrong with a server's address; undefined where it is usable. The address is not repeated: it may hold a login. */
export function addressProblem(address: string, allowPlainHttp: boolean): string | undefined {
  if (!URL.canParse(address)) return 'must be a URL such as https://vault.example.com:8200';
  const url = new URL(address);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must start with https://';
  if (url.username !== '' || url.password !== '') return 'must hold no user name and no password';
  if (url.search !== '' || url.hash !== '') return 'must have no query and no fragment';
  if (url.protocol === 'http:' && !allowPlainHttp && !isLoopbackHost(url.hostname)) {
    return 'plain http would show the login and the secret to everybody on the way; use https (allowSecretsOverPlainHttp: true takes the risk)';
  }
  return undefined;
}

/** Ends a hint where the address ends in /v1, which each request adds by itself. */
export function orLeaveOutV1(address: string): string {
  return /\/v1\/*$/.test(address) ? ', or leave /v1 out of the address' : '';
}
