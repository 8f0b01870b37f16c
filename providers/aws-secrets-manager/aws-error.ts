import { type ErrorCode, ImsvaultError, vendorCause } from '../../src/errors.js';
import { describeNetworkError } from '../../src/net/network-error.js';

/** What is known around an error of an SDK client. */
export interface ErrorContext {
  /** What was attempted, to start the message: `AWS Secrets Manager secret "x" in eu-west-1`. */
  place: string;
  /** Which permissions the hints name. Default `read`. */
  access?: 'read' | 'write';
  /** HTTP status of the answer: older SDKs do not note it on an answer that they could not read. */
  status?: number | undefined;
  /** How far this machine's clock is ahead of the server's, in milliseconds; undefined where no answer came. */
  skewMs?: number | undefined;
  /** In milliseconds. */
  retryAfterMs?: number | undefined;
}

interface Rule {
  /** The error's name. */
  name: RegExp;
  /** Only with this text in the vendor's message, which is looked at and never shown. */
  text?: RegExp;
  code: ErrorCode;
  message: string;
  hint?: string;
  /** In place of `hint` where the call writes. */
  writeHint?: string;
  /** Overrides what the code implies. */
  retryable?: boolean;
}

const KMS_HINT =
  "Allow the caller kms:Decrypt on the secret's KMS key, in its IAM policy and in the key policy; check that the key is enabled.";
const KMS_WRITE_HINT =
  "Allow the caller kms:GenerateDataKey and kms:Decrypt on the secret's KMS key, in its IAM policy and in the key policy.";
const CLOCK_HINT = "Set this machine's clock (NTP). The SDK also corrects for it, so trying again may help.";
const LOGIN_HINT = 'Renew the credentials: aws sso login, new keys, or a restart of what issues them.';

/** The first that fits. Names and texts: API references of Secrets Manager, STS and KMS, and "Common errors". */
const RULES: readonly Rule[] = [
  {
    name: /^(RequestTimeTooSkewed|RequestInTheFuture|RequestExpired)$/,
    code: 'ERR_SECRET_UNAVAILABLE',
    message: "refused, because this machine's clock is off",
    hint: CLOCK_HINT,
  },
  {
    name: /^(InvalidSignature|SignatureDoesNotMatch)/,
    text: /signature (expired|not yet current)/i,
    code: 'ERR_SECRET_UNAVAILABLE',
    message: "refused, because this machine's clock is off",
    hint: CLOCK_HINT,
  },
  {
    name: /^ResourceNotFoundException$/,
    text: /staging label|version/i,
    code: 'ERR_SECRET_NOT_FOUND',
    message: 'the secret has no such version',
    hint: 'Check versionStage and versionId: aws secretsmanager list-secret-version-ids. A new secret has no version until a value is put.',
  },
  {
    name: /^ResourceNotFoundException$/,
    code: 'ERR_SECRET_NOT_FOUND',
    message: 'there is no such secret',
    hint: 'Check secretId, the region and the account; a secret of another account needs its whole ARN.',
  },
  {
    name: /^InvalidRequestException$/,
    text: /(marked|scheduled) for deletion|(marked|was) deleted/i,
    code: 'ERR_SECRET_NOT_FOUND',
    message: 'the secret is deleted, pending its final removal',
    hint: 'To get it back: aws secretsmanager restore-secret --secret-id …',
  },
  {
    name: /^(InvalidParameter|InvalidParameterException|InvalidParameterCombination|ValidationError|ValidationException)$/,
    code: 'ERR_SECRET_MALFORMED',
    message: 'AWS does not accept an option',
    hint: 'Check secretId, versionId, versionStage and assumeRole.',
    writeHint: 'Check secretId and assumeRole; a value has at most 65,536 bytes.',
  },
  {
    // Not a matter of rates: those are throttled.
    name: /^LimitExceeded/,
    code: 'ERR_SECRET_UNAVAILABLE',
    message: 'a quota of Secrets Manager is used up',
    hint: 'A secret has at most 20 staging labels and about 100 versions, and none is removed within its first day: write less often than every 10 minutes.',
    retryable: false,
  },
  {
    name: /^EncryptionFailure$/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'its KMS key cannot be used to encrypt it',
    hint: KMS_WRITE_HINT,
  },
  {
    name: /^(DecryptionFailure|KMS\w*|DisabledException)$/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'its KMS key cannot be used to decrypt it',
    hint: KMS_HINT,
  },
  {
    name: /^AccessDenied/,
    text: /\bKMS\b|kms:(Decrypt|GenerateDataKey)/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'access to its KMS key is denied',
    hint: KMS_HINT,
    writeHint: KMS_WRITE_HINT,
  },
  {
    name: /^(AccessDenied|NotAuthorized|UnauthorizedOperation)/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'access denied',
    hint: "Allow the caller secretsmanager:GetSecretValue on the secret's ARN, and kms:Decrypt where it has a KMS key of its own.",
    writeHint:
      "Allow the caller secretsmanager:GetSecretValue, PutSecretValue, UpdateSecretVersionStage and DescribeSecret on the secret's ARN, CreateSecret to make it, TagResource for its tags, and kms:GenerateDataKey and kms:Decrypt where it has a KMS key of its own.",
  },
  {
    name: /^(ExpiredToken|TokenRefreshRequired)/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'the AWS credentials have expired',
    hint: LOGIN_HINT,
  },
  {
    name: /^(UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|InvalidToken|AuthFailure)/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'AWS does not know the credentials',
    hint: 'Check AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and the profile; keys of another partition or deleted keys fail so.',
  },
  {
    name: /^(InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken)/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'AWS does not accept the signature of the request',
    hint: 'Check AWS_SECRET_ACCESS_KEY for a copying mistake, and that no proxy changes the request.',
  },
  {
    name: /^(InvalidIdentityToken|IDPRejectedClaim)/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'STS does not accept the web identity token',
    hint: "Check the role's trust policy: the OIDC provider, its audience (sts.amazonaws.com) and the service account.",
  },
  {
    name: /^(RegionDisabledException|OptInRequired)/,
    code: 'ERR_SECRET_ACCESS_DENIED',
    message: 'the region is not enabled for this account',
    hint: "Enable the region in the account's settings, or name another.",
  },
];

const TRANSIENT_NAME =
  /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ServiceUnavailable|InternalService|InternalFailure|InternalServer|IDPCommunicationError|Timeout/;

const FOREIGN_HINT = 'Check the endpoint, the proxy and the policy of the VPC endpoint.';

/** Errors whose names are not in the rules are told by their HTTP status. */
export function translateAwsError(error: unknown, context: ErrorContext): ImsvaultError {
  if (error instanceof ImsvaultError) return error;
  const { place, skewMs, retryAfterMs } = context;
  const { name = '', message = '', $metadata } = error as Error & { $metadata?: Metadata };
  const status = context.status ?? $metadata?.httpStatusCode;
  const cause = vendorCause(error, { status, requestId: $metadata?.requestId });
  const text = String(message);

  const rule = RULES.find((each) => each.name.test(name) && (each.text?.test(text) ?? true));
  if (rule !== undefined) {
    const isClock = rule.hint === CLOCK_HINT;
    const hint = (context.access === 'write' ? rule.writeHint : undefined) ?? rule.hint;
    return new ImsvaultError(rule.code, `${place}: ${rule.message}${isClock ? byHowMuch(skewMs) : ''}`, {
      cause,
      hint,
      retryable: rule.retryable,
    });
  }

  const fault = describeNetworkError(error);
  if (fault !== undefined) {
    return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${place}: ${fault.message}`, {
      cause,
      retryable: fault.retryable,
      hint: fault.hint,
    });
  }

  const foreign = status !== undefined && (status < 400 || /^(SyntaxError|TypeError|Error|Unknown)$/.test(cause.name));
  if (status === 401 || status === 403) {
    return new ImsvaultError('ERR_SECRET_ACCESS_DENIED', `${place}: ${whatFailed(cause.name, status, foreign)}`, {
      cause,
      hint: FOREIGN_HINT,
    });
  }
  const transient =
    status === undefined || status >= 500 || status === 429 || status === 408 || TRANSIENT_NAME.test(name);
  return new ImsvaultError('ERR_SECRET_UNAVAILABLE', `${place}: ${whatFailed(cause.name, status, foreign)}`, {
    cause,
    retryable: transient,
    retryAfterMs,
    hint: foreign ? FOREIGN_HINT : undefined,
  });
}

interface Metadata {
  httpStatusCode?: number;
  requestId?: string;
}

function whatFailed(name: string, status: number | undefined, foreign: boolean): string {
  if (status === undefined) return `the request failed (${name})`;
  return foreign ? `the answer (HTTP ${status}) is not one of AWS` : `AWS answered ${name} (HTTP ${status})`;
}

function byHowMuch(skewMs: number | undefined): string {
  if (skewMs === undefined) return '';
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return ` by ${seconds} s (${skewMs > 0 ? 'ahead' : 'behind'})`;
}
