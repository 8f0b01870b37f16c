import { describe, expect, it } from 'vitest';
import { DeadlineExceeded } from '../../src/deadline.js';
import { ResponseTooLarge } from '../../src/net/http-client.js';
import { describeNetworkError } from '../../src/net/network-error.js';

const coded = (code: string, extra: object = {}) => Object.assign(new Error('mentions a secret'), { code, ...extra });

describe('network errors in words', () => {
  it.each<[string, string, string | undefined, boolean]>([
    ['ENOTFOUND', 'its name cannot be resolved', 'spelling', true],
    ['EAI_AGAIN', 'cannot be resolved right now', 'DNS', true],
    ['ECONNREFUSED', 'refused', 'Nothing listens', true],
    ['EHOSTUNREACH', 'no route to the host', 'proxy', true],
    ['ENETUNREACH', 'no route to the network', 'proxy', true],
    ['ECONNRESET', 'was reset', undefined, true],
    ['EPIPE', 'was closed', undefined, true],
    ['ETIMEDOUT', 'timed out', 'firewall', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect timeout', 'HTTPS_PROXY', true],
    ['UND_ERR_HEADERS_TIMEOUT', 'headers timeout', undefined, true],
    ['UND_ERR_BODY_TIMEOUT', 'stopped in the middle', undefined, true],
    ['UND_ERR_SOCKET', 'closed in the middle', undefined, true],
    ['UND_ERR_ABORTED', 'the proxy refused', 'HTTPS_PROXY', true],
    ['UND_ERR_PRX_TLS', "the proxy's TLS certificate", 'HTTPS_PROXY', false],
    ['UND_ERR_DESTROYED', 'closed meanwhile', undefined, false],
    ['UND_ERR_CLOSED', 'closed meanwhile', undefined, false],
    ['UND_ERR_INVALID_ARG', 'not valid', 'HTTPS_PROXY', false],
    ['ERR_INVALID_URL', 'not valid', 'HTTPS_PROXY', false],
    ['UND_ERR_HEADERS_OVERFLOW', 'not proper HTTP (UND_ERR_HEADERS_OVERFLOW)', undefined, true],
    ['HPE_INVALID_CONSTANT', 'not proper HTTP (HPE_INVALID_CONSTANT)', undefined, true],
    ['CERT_HAS_EXPIRED', 'has expired', 'clock', false],
    ['CERT_NOT_YET_VALID', 'not valid yet', 'clock', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'for another name', 'address', false],
    ['CERT_UNTRUSTED', 'TLS failed (CERT_UNTRUSTED)', 'caFile', false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS failed (SELF_SIGNED_CERT_IN_CHAIN)', 'NODE_EXTRA_CA_CERTS', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS failed', 'caFile', false],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'TLS failed', 'caFile', false],
    ['INVALID_CA', 'TLS failed (INVALID_CA)', 'caFile', false],
    ['INVALID_PURPOSE', 'TLS failed (INVALID_PURPOSE)', undefined, false],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'TLS failed', 'client certificate', false],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS failed', 'speaks https', false],
    ['EPROTO', 'TLS failed (EPROTO)', 'speaks https', false],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'TLS failed (ERR_OSSL_X509_KEY_VALUES_MISMATCH)', undefined, false],
  ])('%s', (code, message, hint, retryable) => {
    const fault = describeNetworkError(coded(code));
    expect(fault?.message).toContain(message);
    expect(fault?.message).not.toContain('secret');
    if (hint === undefined) expect(fault?.hint).toBeUndefined();
    else expect(fault?.hint).toContain(hint);
    expect(fault?.retryable).toBe(retryable);
  });

  it.each([
    ['a cause', coded('UND_ERR', { cause: coded('ECONNREFUSED') })],
    ["a vendor's error without a code", Object.assign(new Error('x'), { cause: coded('ECONNREFUSED') })],
    ['the first of several', new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')])],
  ])('looks into %s', (_title, error) => {
    expect(describeNetworkError(error)?.message).toContain('refused');
  });

  it('knows its own: a deadline, and an answer that is too large', () => {
    expect(describeNetworkError(new DeadlineExceeded(50))).toEqual({
      message: 'no answer within 50 ms',
      retryable: true,
    });
    expect(describeNetworkError(new ResponseTooLarge(7))).toEqual({
      message: 'the answer is larger than 7 bytes',
      retryable: false,
    });
  });

  it.each([
    ['an error without a code', new TypeError('x')],
    ['a code of something else', coded('ERR_ASSERTION')],
    ['a code that every object has', coded('constructor')],
    ['the prototype of objects', coded('__proto__')],
    ['a text', 'ECONNRESET'],
    ['nothing', undefined],
  ])('leaves alone what is not about the network: %s', (_title, error) => {
    expect(describeNetworkError(error)).toBeUndefined();
  });

  it('ends with causes that go in circles', () => {
    const error: { cause?: unknown } = {};
    error.cause = error;
    expect(describeNetworkError(error)).toBeUndefined();
  });
});
