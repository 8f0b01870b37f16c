import { describe, expect, it } from 'vitest';
import type { ConfigInvalidError } from '../../src/errors.js';
import { createRequestRules } from '../../src/http/request-rules.js';

const allows = (allowedOrigins?: string[]) => {
  const rules = createRequestRules(allowedOrigins === undefined ? {} : { allowedOrigins });
  return (url: string) => rules.isAllowed(new URL(url));
};

describe('allowed origins by default', () => {
  it.each([
    'https://fusion.adobe.io/api/v3/scenarios',
    'https://FUSION.adobe.io',
    'https://fusion.adobe.io:443',
    'https://api.adobe.io',
    'https://a.b.adobe.io',
    'https://runtimes.adobe.io',
    'https://biograph.adobe.io',
  ])('take %s', (url) => expect(allows()(url)).toBe(true));

  it.each([
    'http://fusion.adobe.io',
    'https://fusion.adobe.io:8443',
    'https://adobe.io',
    'https://fusion.adobe.io.',
    'https://fusion.adobe.io.example.com',
    'https://fusionadobe.io',
    'https://example.com/https://fusion.adobe.io',
    'https://fusion.adobe.io@example.com',
    'https://example.com#.adobe.io',
    'https://example.com\\.adobe.io',
    'https://adobeioruntime.net',
    'https://123-app.adobeioruntime.net',
    'https://123-app.adobeio-static.net',
    'https://runtime.adobe.io',
    'https://123-app.dev.runtime.adobe.io',
    'https://stage-runtime.adobe.io',
    'https://graph.adobe.io/api/mesh/graphql',
    'https://edge-graph.adobe.io',
    'https://edge-sandbox-graph.adobe.io',
    'http://localhost',
    'data:text/plain,x',
  ])('refuse %s', (url) => expect(allows()(url)).toBe(false));
});

describe('allowed origins of an option', () => {
  it('replace the default, and are exact', () => {
    const allowed = allows(['https://api.example.com:8443', 'http://127.0.0.1:3000', 'http://[::1]:3000/']);
    expect(allowed('https://api.example.com:8443/x')).toBe(true);
    expect(allowed('http://127.0.0.1:3000')).toBe(true);
    expect(allowed('http://[::1]:3000')).toBe(true);
    expect(allowed('https://api.example.com')).toBe(false);
    expect(allowed('http://127.0.0.1')).toBe(false);
    expect(allowed('https://fusion.adobe.io')).toBe(false);
  });

  it('take a wildcard for the hosts below, with its port', () => {
    const allowed = allows(['https://*.Example.com:8443']);
    expect(allowed('https://a.example.com:8443')).toBe(true);
    expect(allowed('https://a.b.example.com:8443')).toBe(true);
    expect(allowed('https://example.com:8443')).toBe(false);
    expect(allowed('https://a.example.com')).toBe(false);
    expect(allowed('http://a.example.com:8443')).toBe(false);
  });

  it("take a host that runs customers' code when it is named itself", () => {
    const named = 'https://123-app.adobeioruntime.net';
    expect(allows([named])(named)).toBe(true);
    expect(allows([named])('https://456-app.adobeioruntime.net')).toBe(false);
    expect(allows(['https://*.adobe.io', 'https://graph.adobe.io'])('https://graph.adobe.io')).toBe(true);
  });

  it('send nothing anywhere when there are none', () => expect(allows([])('https://fusion.adobe.io')).toBe(false));
});

describe('options that are refused', () => {
  const problemsOf = (options: object) => {
    try {
      createRequestRules(options as never);
    } catch (error) {
      return (error as ConfigInvalidError).problems;
    }
    return expect.unreachable('it should have thrown');
  };

  it.each([
    'fusion.adobe.io',
    'http://fusion.adobe.io',
    'http://*.localhost',
    'https://*',
    'https://*.io',
    'https://*.1.2.3.4',
    'https://fusion.*.io',
    'https://fusion*.adobe.io',
    'https://*.*.adobe.io',
    'https://fusion.adobe.io/api',
    'https://me:secret@fusion.adobe.io',
    'https://*.adobeioruntime.net',
    'https://*.runtime.adobe.io',
    'https://*.dev.runtime.adobe.io',
    'ftp://127.0.0.1',
    '',
    5,
  ])('an origin %j', (origin) => {
    expect(problemsOf({ allowedOrigins: [origin] })).toEqual([
      { path: 'allowedOrigins[0]', message: expect.stringMatching(/origin|wildcard/) },
    ]);
  });

  it('all at once, each with its path', () => {
    const bad = {
      allowedOrigins: 'https://fusion.adobe.io',
      imsOrgId: '',
      gwRegion: 'or2\r\nx: y',
      organizationId: 7,
      allowedOrigin: [],
    };
    expect(
      problemsOf(bad)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['allowedOrigin', 'allowedOrigins', 'gwRegion', 'imsOrgId', 'organizationId']);
  });
});
