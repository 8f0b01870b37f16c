import { getAt, setAt } from '../config/tree.js';
import { ConfigInvalidError, type ConfigProblem } from '../errors.js';
import type { JsonObject } from '../json.js';
import { type Question, STORES, type StoreQuestions } from './questions.js';

/** Asks whoever sits before the terminal. Rejects with ERR_ABORTED when they have enough. */
export interface Ask {
  choose(message: string, choices: readonly { value: string; label: string }[]): Promise<string>;
  /** @returns an empty text only where `required` is false */
  text(message: string, options: { initial?: string; required: boolean }): Promise<string>;
}

export interface Given {
  provider?: string;
  /** The name of the shared token in the same store. */
  tokenStore?: string;
  /** The values of flags, by the flag's name without dashes. */
  flags: Readonly<Record<string, string | undefined>>;
}

export interface Answers {
  /** The config's block of that name. */
  credentials: JsonObject;
  /** The options of a `tokenStore` that differ, where a token is shared. */
  shared?: JsonObject;
}

/**
 * @param ask undefined: nobody can be asked
 * @throws ERR_CONFIG_INVALID with every flag that is missing, or does not belong to the store
 */
export async function collectAnswers(
  given: Given,
  env: Readonly<Record<string, string | undefined>>,
  ask?: Ask,
): Promise<Answers> {
  const provider = given.provider ?? (await ask?.choose('Where is the client secret?', labelled()));
  const store = provider === undefined ? undefined : STORES[provider];
  if (provider === undefined || store === undefined) {
    throw new ConfigInvalidError([{ path: '--provider', message: `must be one of ${Object.keys(STORES).join(', ')}` }]);
  }
  const problems = foreignFlags(given.flags, store, provider);
  let credentials: JsonObject = { provider };
  for (const question of store.questions) {
    if (!isAsked(question, credentials)) continue;
    const value = given.flags[question.flag] ?? (await answer(question, env, ask)) ?? '';
    if (value !== '') credentials = setAt(credentials, question.option.split('.'), value) as JsonObject;
    else if (isMissing(question, env)) problems.push({ path: `--${question.flag}`, message: 'is required' });
  }
  const shared =
    given.tokenStore ??
    (store.name === undefined
      ? ''
      : await ask?.text('Share one token under the name (empty: no)', { required: false }));
  if (shared && store.name === undefined) {
    problems.push({ path: '--token-store', message: `${provider} cannot hold a token: nothing can be written to it` });
  }
  if (shared && shared === getAt(credentials, [store.name ?? ''])) {
    problems.push({
      path: '--token-store',
      message: 'must not name the secret with the credential: it would be overwritten',
    });
  }
  if (problems.length > 0) throw new ConfigInvalidError(problems);
  if (!shared || store.name === undefined) return { credentials };
  return { credentials, shared: { [store.name]: shared } };
}

const labelled = () => Object.entries(STORES).map(([value, { label }]) => ({ value, label }));

function isAsked({ methods }: Question, block: JsonObject): boolean {
  return methods === undefined || methods.includes(String(getAt(block, ['auth', 'method'])));
}

function isMissing({ required, variables = [] }: Question, env: Readonly<Record<string, string | undefined>>): boolean {
  return required && !variables.some((name) => env[name]);
}

async function answer(
  question: Question,
  env: Readonly<Record<string, string | undefined>>,
  ask: Ask | undefined,
): Promise<string | undefined> {
  const { message, choices, variables = [], initial } = question;
  if (choices !== undefined)
    return ask?.choose(
      message,
      choices.map((value) => ({ value, label: value })),
    );
  const known = variables.map((name) => env[name]).find((value) => value) ?? initial;
  return ask?.text(message, { required: isMissing(question, env), ...(known === undefined ? {} : { initial: known }) });
}

function foreignFlags(flags: Given['flags'], { questions }: StoreQuestions, provider: string): ConfigProblem[] {
  const own = new Set(questions.map(({ flag }) => flag));
  return Object.entries(flags)
    .filter(([flag, value]) => value !== undefined && !own.has(flag))
    .map(([flag]) => ({ path: `--${flag}`, message: `does not belong to ${provider}` }));
}
