import { describe, expect, it } from 'vitest';
import { isLoopbackHost } from '../../src/net/loopback.js';
import { proxyFor, proxySettingsFromEnv } from '../../src/net/proxy-settings.js';
import { expectNoSecrets } from '../support/leaks.js';

const via = (env: Record<string, string>, url: string) => proxyFor(proxySettingsFromEnv(env), new URL(url));

describe('proxy settings', () => {
  it.each<[Record<string, string>, string, string | undefined]>([
    [{}, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p:1' }, 'https://a.test', 'http://p:1'],
    [{ HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:2' }, 'https://a.test', 'http://q:2'],
    [{ HTTP_PROXY: 'http://p:1' }, 'https://a.test', undefined],
    [{ HTTP_PROXY: 'p:3128' }, 'http://a.test', 'http://p:3128'],
    [{ HTTPS_PROXY: '' }, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '*' }, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.test' }, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.test' }, 'https://ba.test', 'http://p'],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'b, .test' }, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '*.test' }, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.test:8443' }, 'https://a.test', 'http://p'],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.test:443' }, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', no_proxy: 'A.TEST' }, 'https://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'a.test' }, 'https://sub.a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'b.test' }, 'https://a.test', 'http://p'],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'b.test a.test:8443' }, 'https://a.test:8443', undefined],
    [{ HTTP_PROXY: 'http://p', NO_PROXY: 'a.test:80' }, 'http://a.test', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '10.1.2.3' }, 'https://10.1.2.3:8200', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '10.0.0.0/8,.svc' }, 'https://10.1.2.3:8200', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '10.0.0.0/8' }, 'https://11.1.2.3', 'http://p'],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '10.0.0.0/33' }, 'https://10.0.0.0', 'http://p'],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '10.0.0.0/x' }, 'https://10.0.0.0', 'http://p'],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '0.0.0.0/0' }, 'https://a.test', 'http://p'],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'fd00::1' }, 'https://[fd00::1]', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: '[fd00::1]:443' }, 'https://[fd00::1]', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'fd00::/8' }, 'https://[fd12::7]', undefined],
    [{ HTTPS_PROXY: 'http://p', NO_PROXY: 'fd00::/8,10.0.0.0/8' }, 'https://[fe12::7]', 'http://p'],
  ])('%j for %s', (env, url, expected) => {
    expect(via(env, url)).toBe(expected);
  });
});

describe('a proxy that is none', () => {
  it.each([
    ['HTTPS_PROXY', 'socks5://me:s3cret@p:1080', 'SOCKS'],
    ['http_proxy', 'socks4a://me:s3cret@p', 'SOCKS'],
    ['HTTP_PROXY', 'ftp://me:s3cret@p', 'http://'],
    ['https_proxy', 'http://me:s3cret@p:99999', 'not the URL'],
    ['HTTPS_PROXY', 'http://s3cret bad', 'not the URL'],
    ['HTTPS_PROXY', 'http://me:s3cret%zz@p', 'not the URL'],
  ])('%s=%s is refused by name, without its value', (name, value, message) => {
    try {
      proxySettingsFromEnv({ [name]: value });
    } catch (error) {
      expect(error).toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        problems: [{ path: name, message: expect.stringContaining(message) }],
      });
      expectNoSecrets(error, ['s3cret']);
      return;
    }
    expect.unreachable('it should have been refused');
  });
});

describe('loopback', () => {
  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '[::1]', '::1'])('%s is', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });
  it.each(['127.0.0.1.evil.test', 'localhost.evil.test', '0.0.0.0', '10.0.0.1', '[::2]', '', '1270.0.0.1'])(
    '%s is not',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
    },
  );
});
