import { type ErrorCode, ImsvaultError, vendorCause } from '../../src/errors.js';
import { type ErrorContext, translateAwsError } from './aws-error.js';

type Variables = Readonly<Record<string, string | undefined>>;

interface Verdict {
  code: ErrorCode;
  message: string;
  hint: string;
}

const NOWHERE: Verdict = {
  code: 'ERR_PROVIDER_NOT_CONFIGURED',
  message: 'no AWS credentials were found',
  hint: 'Give this machine a role (EC2, ECS, EKS, Lambda), log in with aws sso login and name the profile (AWS_PROFILE or awsProfile), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
};

const ROLE_REFUSED: Verdict = {
  code: 'ERR_SECRET_ACCESS_DENIED',
  message: 'the role may not be assumed',
  hint: "Allow the caller sts:AssumeRole on the role, and name the caller (and the external id) in the role's trust policy.",
};

const SIGN_IN: Verdict = {
  code: 'ERR_SECRET_ACCESS_DENIED',
  message: 'the AWS sign-in session is missing or has expired',
  hint: 'Run: aws sso login',
};

/**
 * Why no credentials came. The SDK's chain goes past most failures to its next link and in the end says only that none
 * had any; what the environment names decides then whether that means "not set up here" or "set up, and failing".
 */
export function translateCredentialsError(
  error: unknown,
  context: ErrorContext & { env: Variables; awsProfile: string | undefined },
): ImsvaultError {
  if (error instanceof ImsvaultError) return error;
  const { env, place } = context;
  const verdict = judge(error, env, context.awsProfile ?? (env.AWS_PROFILE || undefined));
  if (verdict === undefined) return translateAwsError(error, { ...context, place: `${place}: AWS credentials` });
  return new ImsvaultError(verdict.code, `${place}: ${verdict.message}`, {
    hint: verdict.hint,
    cause: vendorCause(error),
  });
}

function judge(error: unknown, env: Variables, profile: string | undefined): Verdict | undefined {
  const { name = '', message = '', code } = error as NodeJS.ErrnoException;
  const text = String(message);
  if (/aws (sso )?login/i.test(text) || name === 'TokenProviderError' || text.startsWith('UnauthorizedException')) {
    return profile === undefined ? SIGN_IN : { ...SIGN_IN, hint: `Run: aws sso login --profile ${profile}` };
  }
  if (name.startsWith('AccessDenied')) return ROLE_REFUSED;
  if (code === 'ENOENT' || code === 'EACCES') {
    return {
      code: code === 'ENOENT' ? 'ERR_SECRET_MALFORMED' : 'ERR_SECRET_ACCESS_DENIED',
      message: `the file with the web identity token ${code === 'ENOENT' ? 'does not exist' : 'may not be read'}`,
      hint: 'Check AWS_WEB_IDENTITY_TOKEN_FILE (or web_identity_token_file in the profile) and that the token is mounted.',
    };
  }
  if (name !== 'CredentialsProviderError') return undefined;
  if (text.startsWith('ForbiddenException')) {
    return {
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: 'IAM Identity Center does not give the role of this profile to you',
      hint: 'Check sso_account_id and sso_role_name in the profile, and your assignment to that account.',
    };
  }
  if (text.includes('multi-factor')) {
    return {
      code: 'ERR_SECRET_ACCESS_DENIED',
      message: 'the role of the AWS profile asks for a second factor, which cannot be entered here',
      hint: 'Use IAM Identity Center (aws sso login), or put the session credentials of aws sts assume-role into the environment.',
    };
  }
  if (!text.includes('Could not load credentials from any providers')) {
    return /ECONN|ENOTFOUND|EAI_AGAIN|timeout|TooManyRequests|ServiceUnavailable|no answer/i.test(text)
      ? {
          code: 'ERR_SECRET_UNAVAILABLE',
          message: 'the service that issues the AWS credentials could not be reached',
          hint: 'Check the network and the proxy.',
        }
      : {
          code: 'ERR_SECRET_MALFORMED',
          message: 'the AWS profile is not valid',
          hint: 'Check it with: aws configure list, aws sts get-caller-identity',
        };
  }
  const container = ['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'].find(
    (variable) => env[variable],
  );
  if (container !== undefined) {
    return {
      code: 'ERR_SECRET_UNAVAILABLE',
      message: 'the container credentials endpoint gave no credentials',
      hint: `Check what ${container} names, the task role or pod identity association, and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.`,
    };
  }
  if (profile !== undefined) {
    return {
      code: 'ERR_SECRET_MALFORMED',
      message: `the AWS profile "${profile}" gives no credentials`,
      hint: 'Check that it exists and is complete: aws configure list-profiles, aws sts get-caller-identity --profile …',
    };
  }
  return NOWHERE;
}
